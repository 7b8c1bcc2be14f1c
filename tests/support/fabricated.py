"""Results without training: what a plan and a job store need to go on, from a unit and a score."""

from collections.abc import Mapping

from winnow.contract.catalog.tensors import lies_in
from winnow.contract.datasets import DatasetFacts
from winnow.contract.inputs import (
    EvaluateInputs,
    FeaturesInputs,
    LevelInputs,
    StabilityInputs,
    TrainInputs,
    TransferInputs,
)
from winnow.contract.results import Check, Metrics, Score, TensorCount, UnitResult
from winnow.contract.units import Unit
from winnow.plan.counts import asked_counts

DIGITS_LIKE = DatasetFacts(
    name="digits",
    fingerprint="d" * 64,
    source="builtin",
    format="builtin",
    classes=tuple("0123456789"),
    channels=1,
    size=(8, 8),
    counts=(180,) * 10,
)
SIZES = (("fc1.weight", "linear", 1000), ("fc2.weight", "linear", 333), ("fc3.weight", "output", 77))
"""Named as the layers of lenet_300_100."""


def fabricated(
    unit: Unit, results: Mapping[str, UnitResult], test: int = 340, validation: int | None = None
) -> UnitResult:
    """A result with the counts that the unit would have; `test` of 360 test images are right."""
    if isinstance(unit.inputs, EvaluateInputs):
        return results[unit.inputs.model]  # the network is the same, and scores as it did
    recipe = unit.inputs.recipe
    right = test * 144 // 360 if validation is None else validation
    score = Score(correct=test, images=360, loss=0.1)
    held_out = Score(correct=right, images=144, loss=0.1)
    total = recipe.steps
    dense = isinstance(unit.inputs, TrainInputs | StabilityInputs | FeaturesInputs | TransferInputs)
    if not dense and unit.inputs.retrain.lr == "restart":
        total += unit.inputs.retrain.step
    if not dense and unit.inputs.retrain.weights == "trained":
        total += recipe.steps * (unit.inputs.depth if isinstance(unit.inputs, LevelInputs) else 1)
    return UnitResult(
        metrics=Metrics(
            train=score, validation=held_out, test=score, best_step=1, best_validation=held_out, best_test=score
        ),
        tensors=_tensors(unit, results),
        parameters=2000,
        start_step=0,
        end_step=recipe.steps,
        total_steps=total,
        checks=(Check(name="masked_weights_zero", ok=True, evidence="fabricated"),),
        numerics="cpu-test",
        seconds=1.0,
    )


def _tensors(unit: Unit, results: Mapping[str, UnitResult]) -> tuple[TensorCount, ...]:
    inputs = unit.inputs
    if isinstance(inputs, FeaturesInputs | TransferInputs):
        begin = inputs.begin
        own = [tensor for tensor in results[inputs.model].tensors if not lies_in(tensor.name, begin.fresh or ())]
        carried = [tensor for tensor in own if begin.head or tensor.kind != "output"]
        return tuple(t if inputs.begin.mask else t.model_copy(update={"zeros": 0}) for t in carried)
    if isinstance(inputs, TrainInputs | StabilityInputs):
        return tuple(TensorCount(name=name, kind=kind, shape=(1, size), zeros=0) for name, kind, size in SIZES)
    if not isinstance(inputs, LevelInputs):
        return results[inputs.level].tensors
    parent = results[inputs.parent].tensors
    counts = asked_counts(inputs, parent)
    zeros = counts.by_tensor or _globally([tensor.size for tensor in parent], counts.total)
    return tuple(tensor.model_copy(update={"zeros": z}) for tensor, z in zip(parent, zeros, strict=True))


def _globally(sizes: list[int], total: int) -> list[int]:
    """All zeros in the first tensors that hold them: one of the ways a global ranking can come out."""
    zeros = []
    for size in sizes:
        zeros.append(min(size, total))
        total -= zeros[-1]
    return zeros
