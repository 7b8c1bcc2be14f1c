"""When validation has stopped getting better: Prechelt 1998, "Early stopping — but when?"."""

from collections.abc import Sequence

from winnow.contract.results import Point


def exhausted(patience: int | None, curve: Sequence[Point], best_step: int) -> bool:
    """Whether `patience` points of the curve lie behind the one of lowest validation loss; never without a patience.

    It follows from the curve alone, which a checkpoint holds: a resumed training stops where it would have stopped.
    """
    return patience is not None and sum(point.step > best_step for point in curve) >= patience
