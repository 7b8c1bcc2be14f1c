"""The unit `level`: one round of iterative magnitude pruning with rewinding.

Frankle & Carbin 2019, arXiv:1803.03635; rewinding to k > 0: Frankle et al. 2020, arXiv:1912.05671; learning-rate
rewinding and fine-tuning: Renda et al. 2020, arXiv:2003.02389.
"""

from functools import partial

from winnow.artifact.masks import read_masks
from winnow.artifact.weights import read_weights
from winnow.contract.inputs import LevelInputs
from winnow.contract.results import Check, UnitResult
from winnow.contract.units import Unit
from winnow.lottery.data.images import Split
from winnow.lottery.fitting import fit
from winnow.lottery.pieces import pieces as pieces_of
from winnow.lottery.pruning import prune
from winnow.lottery.scoring import Subject
from winnow.lottery.selection import Masks
from winnow.lottery.state import State
from winnow.lottery.training import Training
from winnow.lottery.units import evidence
from winnow.lottery.units.beginning import as_at_the_start
from winnow.lottery.units.gradual import gradual
from winnow.lottery.units.outcome import counted, in_network_order, result, write_model
from winnow.lottery.units.rewinding import kept_state, retraining_recipe, rewound
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace
from winnow.plan.counts import asked_counts


def level(unit: Unit, inputs: LevelInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Prune the parent, rewind what is left to the state at k (or keep it), retrain to the end of the schedule."""
    if inputs.ramp is not None:
        return gradual(unit, inputs, workspace, warm)

    # Prune: of the parent's surviving weights, those of lowest score.
    declared = read_masks(workspace.inputs["parent/mask.safetensors"])
    parent = in_network_order(inputs.recipe, declared, inputs.scope.exclude)
    asked = asked_counts(inputs, counted(inputs.recipe.architecture, parent))
    pieces = pieces_of(inputs.granularity, inputs.recipe, parent)
    kept = kept_state(workspace, inputs.retrain, "parent")
    split = as_at_the_start(workspace, warm.split(unit, workspace))
    subject = _subject(inputs, workspace, kept, parent, split)
    beat = partial(workspace.progress, 0, inputs.recipe.steps - kept.step)
    masks = prune(subject, inputs.criterion, asked, beat, pieces)

    # Rewind: parameters, buffers, optimizer and schedule.
    start = rewound(kept, inputs.retrain)
    training = Training(retraining_recipe(inputs.recipe, inputs.retrain), split, start, masks)
    checks: tuple[Check, ...] = (
        evidence.masks_only_shrink(parent, masks),
        pieces.as_asked(masks, asked),
        *pieces.whole(masks),
        evidence.state_restored(training, kept, masks),
        evidence.optimizer_as_declared(training, kept, inputs.retrain),
    )

    # Retrain.
    metrics = fit(training, (), workspace)
    checks += (evidence.masked_weights_zero(training, masks),)
    write_model(unit, workspace, training, masks, workspace.inputs["start/graph.onnx"].read_bytes())
    found = result(training, metrics, masks, checks, steps_before=inputs.steps_before)
    return found.model_copy(update={"most_zeros": pieces.most_zeros(masks)})


def _subject(inputs: LevelInputs, workspace: Workspace, kept: State, parent: Masks, split: Split) -> Subject:
    """What is scored: the values that training ended with, or those that retraining starts from."""
    choice = inputs.criterion
    values = kept.network if choice.at == "rewind" else read_weights(workspace.inputs["parent/weights.safetensors"])
    return Subject(inputs.recipe, values, parent, split, inputs.depth, float(choice.alpha or 1))
