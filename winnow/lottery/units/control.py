"""The unit `control`: what a level is compared with, at equal budget.

The controls of Frankle & Carbin 2019, arXiv:1803.03635: the same mask on other values, the same values under another
mask.
"""

from winnow.artifact.masks import read_masks, write_masks
from winnow.artifact.weights import write_weights
from winnow.contract.results import Check, UnitResult
from winnow.contract.seeds import seed_for
from winnow.contract.units import ControlInputs, Unit
from winnow.lottery.data.images import Split
from winnow.lottery.fitting import fit
from winnow.lottery.inits import initial
from winnow.lottery.selection import Masks, shuffled
from winnow.lottery.state import State, network_arrays
from winnow.lottery.training import Training
from winnow.lottery.units import evidence
from winnow.lottery.units.outcome import in_network_order, result
from winnow.lottery.units.rewinding import kept_state, retraining_recipe, rewound
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace


def control(unit: Unit, inputs: ControlInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Train one control arm of a level as long as its ticket."""
    ticket = in_network_order(inputs.recipe, read_masks(workspace.inputs["level/mask.safetensors"]))
    split = warm.split(unit, workspace)
    if inputs.arm == "random_reinit":
        training, masks, checks = _random_reinit(inputs, ticket, split)
    else:
        training, masks, checks = _random_mask(inputs, ticket, split, kept_state(workspace, inputs.retrain, "start"))
    metrics = fit(training, (), workspace)
    checks += (evidence.masked_weights_zero(training, masks),)
    write_weights(workspace.outputs / "weights.safetensors", network_arrays(training.network))
    write_masks(workspace.outputs / "mask.safetensors", masks)
    before = inputs.recipe.steps if inputs.retrain.weights == "trained" else inputs.retrain.step
    return result(training, metrics, masks, checks, steps_before=before)


_Prepared = tuple[Training, Masks, tuple[Check, ...]]


def _random_reinit(inputs: ControlInputs, ticket: Masks, split: Split) -> _Prepared:
    """The ticket's mask on values drawn anew, from step 0."""
    recipe = inputs.recipe
    first = initial(recipe, seed_for(recipe.seed, "init", recipe.replicate))
    fresh = initial(recipe, seed_for(recipe.seed, "random_reinit", recipe.replicate, inputs.depth))
    training = Training(recipe, split, State(0, fresh, {}), ticket)
    return training, ticket, (evidence.fresh_start(training, first, ticket),)


def _random_mask(inputs: ControlInputs, ticket: Masks, split: Split, kept: State) -> _Prepared:
    """The ticket's start under its mask shuffled inside each layer."""
    recipe = inputs.recipe
    masks = shuffled(ticket, seed_for(recipe.seed, "random_mask", recipe.replicate, inputs.depth))
    training = Training(retraining_recipe(recipe, inputs.retrain), split, rewound(kept, inputs.retrain), masks)
    return (
        training,
        masks,
        (
            *evidence.control_mask(masks, ticket),
            evidence.state_restored(training, kept, masks),
            evidence.optimizer_as_declared(training, kept, inputs.retrain),
        ),
    )
