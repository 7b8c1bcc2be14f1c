"""The unit `stability`: the dense network trained a second time from a state on, and the line between the two ends.

Instability analysis of Frankle et al. 2020, arXiv:1912.05671, section 3: both copies start from the same state and see
other batches; here the second one sees other dropout and augmentation, too.
"""

import numpy as np

from winnow.artifact.masks import read_masks
from winnow.artifact.weights import read_weights, write_weights
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.inputs import StabilityInputs
from winnow.contract.recipes import Retrain
from winnow.contract.results import Check, UnitResult
from winnow.contract.units import Unit
from winnow.lottery.connectivity import line_between
from winnow.lottery.fitting import beat, checkpointed, fit
from winnow.lottery.state import network_arrays, read_state
from winnow.lottery.training import Training
from winnow.lottery.units import evidence
from winnow.lottery.units.beginning import as_at_the_start
from winnow.lottery.units.outcome import result
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace


def stability(unit: Unit, inputs: StabilityInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Train the copy from the kept state to the end, under copy 0's mask if any, then measure the line between them."""
    recipe, split = inputs.recipe, as_at_the_start(workspace, warm.split(unit, workspace))
    kept = read_state(workspace.inputs[f"start/state-{inputs.step}.safetensors"])
    masks = read_masks(workspace.inputs["start/mask.safetensors"]) if inputs.mask else {}
    training = Training(recipe, split, kept, masks)
    as_kept = Retrain(step=inputs.step, optimizer="restore", lr="resume")
    checks: tuple[Check, ...] = (
        evidence.state_restored(training, kept, masks),
        evidence.optimizer_as_declared(training, kept, as_kept),
    )
    metrics = fit(training, (), workspace)
    first = read_weights(workspace.inputs["start/weights.safetensors"])
    second = network_arrays(training.network)
    write_weights(workspace.outputs / "weights.safetensors", second)
    with checkpointed(training, workspace):
        line = line_between(recipe, split, first, second, beat(training, workspace))
    whole = {name: np.ones_like(second[name], dtype=np.bool_) for name, _ in ARCHITECTURES[recipe.architecture].layers}
    checks += (evidence.copies_differ(first, second),)
    if masks:
        checks += (evidence.masked_weights_zero(training, masks),)
    found = result(training, metrics, whole | masks, checks, steps_before=inputs.step)
    return found.model_copy(update={"line": line})
