"""Verdicts from differences paired by replicate: one-sided 95 % Student t, with a floor under the deviation."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import NamedTuple

from winnow.contract.rows import ArmSummary, Verdict
from winnow.plan.students_t import t_quantile

ONE_SIDED, TWO_SIDED = 0.95, 0.975
REPLICATES_NEEDED = 3
MOST_REPLICATES = 100


class Bounds(NamedTuple):
    """Where the mean of paired differences lies: one-sided 95 % bounds, in accuracy."""

    low: float
    high: float


class Arms(NamedTuple):
    """Accuracies on one split by replicate, in the same order; None for a control that does not run."""

    ticket: Sequence[float]
    dense: Sequence[float]
    random_reinit: Sequence[float] | None
    random_mask: Sequence[float] | None


def margin_for(points: float, images: int) -> float:
    """What a matching ticket may lose, as a share: the margin asked for, but never less than three images."""
    return max(points / 100, 3 / images)


def verdict(arms: Arms, images: int, margin: float, *, same_budget: bool) -> Verdict:
    """Judge one level on one split of `images` images.

    `matching`: the lower bound of ticket − dense is above −margin. `winning`: matching, an equal budget, and the lower
    bounds of ticket − random_reinit and ticket − random_mask are above 0. `not_matching`: the upper bound is below
    −margin. Else, and with fewer than three replicates, `inconclusive`.
    """
    if len(arms.ticket) < REPLICATES_NEEDED:
        return "inconclusive"
    against_dense = bounds(arms.ticket, arms.dense, images)
    if against_dense.high < -margin:
        return "not_matching"
    if against_dense.low <= -margin:
        return "inconclusive"
    controls = (arms.random_reinit, arms.random_mask)
    beats_all = all(c is not None and bounds(arms.ticket, c, images).low > 0 for c in controls)
    return "winning" if beats_all and same_budget else "matching"


def bounds(first: Sequence[float], second: Sequence[float], images: int) -> Bounds:
    """Bounds of the mean of first − second over at least two replicates."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    mean, deviation = fmean(differences), _deviation(differences, images)
    reach = t_quantile(ONE_SIDED, len(differences) - 1) * deviation / sqrt(len(differences))
    return Bounds(mean - reach, mean + reach)


def replicates_wanted(arms: Arms, images: int, margin: float) -> int | None:
    """How many replicates would likely settle an inconclusive level; None where a hundred would not."""
    if len(arms.ticket) < 2:
        return REPLICATES_NEEDED
    differences = [a - b for a, b in zip(arms.ticket, arms.dense, strict=True)]
    distance, deviation = abs(fmean(differences) + margin), _deviation(differences, images)
    for n in range(REPLICATES_NEEDED, MOST_REPLICATES + 1):
        if t_quantile(ONE_SIDED, n - 1) * deviation / sqrt(n) < distance:
            return n
    return None


def summary(accuracies: Sequence[float]) -> ArmSummary | None:
    """Mean and two-sided 95 % interval of one arm; None where nothing is measured yet."""
    n = len(accuracies)
    if n == 0:
        return None
    mean = fmean(accuracies)
    if n == 1:
        return ArmSummary(n=1, mean=mean, low=None, high=None)
    reach = t_quantile(TWO_SIDED, n - 1) * stdev(accuracies) / sqrt(n)
    return ArmSummary(n=n, mean=mean, low=mean - reach, high=mean + reach)


def _deviation(differences: Sequence[float], images: int) -> float:
    # A handful of seeds can agree to the last image by chance: never trust less spread than one image.
    return max(stdev(differences), 1 / images)
