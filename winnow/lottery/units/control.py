"""The unit `control`: what a level is compared with, at equal budget unless its arm says otherwise.

The controls of Frankle & Carbin 2019, arXiv:1803.03635: the same mask on other values, the same values under another
mask; of Zhou et al. 2019, arXiv:1905.01067: under the mask that keeps the smallest weights; and fine-tuning, as in
Renda et al. 2020, arXiv:2003.02389.
"""

from typing import NamedTuple

import numpy as np

from winnow.artifact.masks import read_masks, write_masks
from winnow.artifact.weights import read_weights, write_weights
from winnow.contract.inputs import ControlInputs
from winnow.contract.results import Check, UnitResult
from winnow.contract.seeds import seed_for
from winnow.contract.units import Unit
from winnow.lottery.fitting import fit
from winnow.lottery.inits import initial
from winnow.lottery.pieces import pieces
from winnow.lottery.selection import Masks
from winnow.lottery.state import State, network_arrays
from winnow.lottery.training import Training
from winnow.lottery.units import evidence
from winnow.lottery.units.beginning import as_at_the_start
from winnow.lottery.units.outcome import in_network_order, result
from winnow.lottery.units.rewinding import kept_state, retraining_recipe, rewound
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace


class _Arm(NamedTuple):
    """What an arm trains: from which state, under which masks."""

    kept: State
    masks: Masks


def control(unit: Unit, inputs: ControlInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Train one control arm of a level as long as its ticket."""
    ticket = in_network_order(inputs.recipe, read_masks(workspace.inputs["level/mask.safetensors"]))
    arm = _arm(inputs, workspace, ticket)
    recipe, start = retraining_recipe(inputs.recipe, inputs.retrain), rewound(arm.kept, inputs.retrain)
    training = Training(recipe, as_at_the_start(workspace, warm.split(unit, workspace)), start, arm.masks)
    checks = _checks(inputs, training, arm, ticket)
    metrics = fit(training, (), workspace)
    checks += (evidence.masked_weights_zero(training, arm.masks),)
    write_weights(workspace.outputs / "weights.safetensors", network_arrays(training.network))
    write_masks(workspace.outputs / "mask.safetensors", arm.masks)
    before = recipe.steps if inputs.retrain.weights == "trained" else inputs.retrain.step
    return result(training, metrics, arm.masks, checks, steps_before=before)


def _arm(inputs: ControlInputs, workspace: Workspace, ticket: Masks) -> _Arm:
    recipe = inputs.recipe
    if inputs.arm == "random_reinit":  # the ticket's mask on values drawn anew, from step 0
        seed = seed_for(recipe.seed, "random_reinit", recipe.replicate, inputs.depth)
        return _Arm(State(0, initial(recipe, seed), {}), ticket)
    kept = kept_state(workspace, inputs.retrain, "start")
    match inputs.arm:
        case "random_mask":  # the ticket's start under its mask shuffled inside each layer, in its pieces
            seed = seed_for(recipe.seed, "random_mask", recipe.replicate, inputs.depth)
            return _Arm(kept, pieces(inputs.granularity, inputs.recipe, ticket).shuffled(ticket, seed))
        case "reversed_mask":  # the ticket's start under the mask that keeps the smallest of the trained weights
            trained = read_weights(workspace.inputs["start/weights.safetensors"])
            smallest = {name: -np.abs(trained[name]) for name in ticket}
            return _Arm(kept, pieces(inputs.granularity, inputs.recipe, ticket).by_score(smallest, ticket))
        case "fine_tuned":  # the ticket's mask on the trained weights
            return _Arm(kept, ticket)


def _checks(inputs: ControlInputs, training: Training, arm: _Arm, ticket: Masks) -> tuple[Check, ...]:
    if inputs.arm == "random_reinit":
        recipe = inputs.recipe
        first = initial(recipe, seed_for(recipe.seed, "init", recipe.replicate))
        return (evidence.fresh_start(training, first, ticket),)
    restored = (
        evidence.state_restored(training, arm.kept, arm.masks),
        evidence.optimizer_as_declared(training, arm.kept, inputs.retrain),
    )
    if inputs.arm == "fine_tuned":
        return restored
    whole = pieces(inputs.granularity, inputs.recipe, ticket).whole(arm.masks)
    return (*evidence.control_mask(arm.masks, ticket), *whole, *restored)
