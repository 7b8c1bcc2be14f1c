"""The unit `level` of a gradual schedule: Zhu & Gupta 2017, "To prune, or not to prune", arXiv:1710.01878."""

from winnow.artifact.masks import read_masks
from winnow.contract.inputs import LevelInputs
from winnow.contract.recipes import Ramp
from winnow.contract.results import Check, UnitResult
from winnow.contract.units import Unit
from winnow.lottery.fitting import fit
from winnow.lottery.pieces import Pieces
from winnow.lottery.pieces import pieces as pieces_of
from winnow.lottery.pruning import prune
from winnow.lottery.scoring import Subject
from winnow.lottery.state import network_arrays
from winnow.lottery.training import Callback, Pruning, Training
from winnow.lottery.units import evidence
from winnow.lottery.units.beginning import as_at_the_start
from winnow.lottery.units.outcome import counted, in_network_order, result, write_model
from winnow.lottery.units.rewinding import kept_state, retraining_recipe, rewound
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace
from winnow.plan.gradual import counts_at, prunings


def gradual(unit: Unit, inputs: LevelInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Train from the state at k, pruning what training has come to at each step of the ramp; then to the end."""
    ramp = inputs.ramp
    assert ramp is not None  # noqa: S101 - without one it is `level` that does the work

    # Begin as the parent is: nothing of it is pruned yet.
    found = read_masks(workspace.inputs["parent/mask.safetensors"])
    parent = in_network_order(inputs.recipe, found, inputs.scope.exclude)
    pieces, kept = pieces_of(inputs.granularity, inputs.recipe, parent), kept_state(workspace, inputs.retrain, "parent")
    recipe, start = retraining_recipe(inputs.recipe, inputs.retrain), rewound(kept, inputs.retrain)
    training = Training(recipe, as_at_the_start(workspace, warm.split(unit, workspace)), start, parent)
    checks: tuple[Check, ...] = (
        evidence.state_restored(training, kept, parent),
        evidence.optimizer_as_declared(training, kept, inputs.retrain),
    )

    # Train and prune.
    metrics = fit(training, (), workspace, between=(_pruning(inputs, ramp, pieces, training, workspace),))
    masks = training.host_masks
    checks += (
        evidence.masks_only_shrink(parent, masks),
        _as_the_ramp_asks(training, ramp),
        *pieces.whole(masks),
        _masked_weights_zero(training),
    )
    write_model(unit, workspace, training, masks, workspace.inputs["start/graph.onnx"].read_bytes())
    return result(training, metrics, masks, checks, steps_before=inputs.steps_before)


def _pruning(inputs: LevelInputs, ramp: Ramp, pieces: Pieces, training: Training, workspace: Workspace) -> Callback:
    """Prune the weights as they are, to the ramp's count, at each of its steps."""

    def beat() -> None:
        workspace.progress(training.step - training.first, training.last - training.first)

    def act() -> None:
        if any(pruning.step == training.step for pruning in training.prunings):
            return  # a training that resumes here has done it
        before = training.host_masks
        asked = counts_at(inputs, ramp, training.step, counted(inputs.recipe.architecture, before))
        values, alpha = network_arrays(training.network), float(inputs.criterion.alpha or 1)
        subject = Subject(inputs.recipe, values, before, training.split, inputs.depth, alpha)
        masks = prune(subject, inputs.criterion, asked, beat, pieces)
        checks = (evidence.masks_only_shrink(before, masks), pieces.as_asked(masks, asked), *pieces.whole(masks))
        held = all(check.ok for check in checks)
        training.prune(masks, Pruning(training.step, asked.total, evidence.zeros(masks), held))

    return Callback(prunings(ramp), act)


def _as_the_ramp_asks(training: Training, ramp: Ramp) -> Check:
    """Each pruning came at its step, left what was asked for, and brought nothing back."""
    done = training.prunings
    at_their_steps = [pruning.step for pruning in done] == list(prunings(ramp))
    last = done[-1]
    text = f"{len(done)} prunings up to step {last.step}; at the last asked {last.asked}, masked {last.zeros}"
    return Check(name="pruned_on_the_way", ok=at_their_steps and all(pruning.held for pruning in done), evidence=text)


def _masked_weights_zero(training: Training) -> Check:
    """Every weight masked by then is +0.0 wherever the training was looked at, and at its end."""
    seen = [(point.step, point.values["zeros"]) for point in training.curve] + [(training.step, training.masks.zeros())]
    wanted = [max((done.zeros for done in training.prunings if done.step <= step), default=0) for step, _ in seen]
    text = f"of {wanted[-1]} masked weights {int(seen[-1][1])} are +0.0 at the end; {len(seen)} looks on the way"
    return Check(name="masked_weights_zero", ok=[zeros for _, zeros in seen] == wanted, evidence=text)
