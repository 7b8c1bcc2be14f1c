"""The row of a level and those of its networks, made alike whatever kind of job has measured them."""

from collections.abc import Mapping

from winnow.contract.results import Score, UnitResult
from winnow.contract.rows import ArmSummary, LevelRow, ModelRow, Verdict
from winnow.contract.specs.jobs import Arm
from winnow.plan.place import Place


def level_row(
    place: Place,
    network: UnitResult,
    arms: Mapping[Arm | str, ArmSummary | None],
    verdict: Verdict | None,
    models: tuple[ModelRow, ...],
) -> LevelRow:
    """A level by the first of its networks that is known, as all mask as many weights; `models` are all made there."""
    return LevelRow(
        level=place.level,
        sparsity=network.sparsity,
        density=network.density,
        zeros=network.zeros,
        prunable=network.prunable,
        sparsity_of_all=network.zeros / network.parameters,
        arms=dict(arms),
        verdict=verdict,
        model_id=None if place.replicate else place.unit.model_id,
        models=models,
    )


def model_row(place: Place, test: Score | None) -> ModelRow:
    """A network and its score on test images, where it has one."""
    return ModelRow(
        replicate=place.replicate,
        arm=place.arm,
        model_id=place.unit.model_id or "",
        test_accuracy=accuracy(test),
    )


def accuracy(score: Score | None) -> float | None:
    """Correct ÷ images, of what was measured."""
    return None if score is None else score.accuracy
