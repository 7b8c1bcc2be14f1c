"""Targets that results decide: which level meets one, whether the next is needed, and where it ends at the latest."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from winnow.artifact.ticket import most_bytes
from winnow.contract.results import Score, UnitResult
from winnow.contract.specs.jobs import PruneSpec
from winnow.contract.specs.targets import Target
from winnow.plan.counts import level_counts
from winnow.plan.resolve import MAX_LEVELS, MAX_UNITS
from winnow.plan.resolved import Resolved
from winnow.plan.verdict import REPLICATES_NEEDED, bounds, margin_for

Level = Sequence[UnitResult]
"""The networks of a level, one for each replicate in their order: dense ones at level 0, else tickets."""


class Met(NamedTuple):
    """The level that a target comes to, and whether that meets it."""

    level: int
    reached: bool


def levels_wanted(job: Resolved, spec: PruneSpec, known: Sequence[Level]) -> int:
    """How many levels below dense an open target takes, as far as `known`, the levels that all replicates have, say.

    A level is asked for once the one above it is there, and says that the next is needed: for `max_accuracy_drop` that
    it holds, for `max_bytes` that it is too large, though not in what no mask changes. It ends in any case where the
    next level would prune nothing more or leave nothing, and at the most levels that a job may have.
    """
    most, target = _most_levels(spec), _open(spec)
    for depth, level in enumerate(known):
        is_last = depth == most or not any(_totals_below(job, spec, level, depth))
        if is_last or not _goes_on(target, known[: depth + 1]):
            return depth
    return len(known)


def levels_at_most(job: Resolved, spec: PruneSpec, known: Sequence[Level]) -> int:
    """How many levels an open target may come to take: it never grows as more is known.

    They end where there is no room for another, or at the first whose tickets are small enough whatever their values.
    """
    most = _most_levels(spec)
    if not known or (depth := levels_wanted(job, spec, known)) < len(known):
        return depth if known else most
    fixed = max(one.fixed_bytes or 0 for one in known[0])
    fixed += fixed // 8  # what is never pruned is trained again at each level, and may compress less
    wanted = _open(spec).max_bytes or 0
    prunable, depth = known[-1][0].prunable, len(known) - 1
    for total in _totals_below(job, spec, known[-1], depth):
        depth += 1
        if depth == most or most_bytes(fixed, prunable - total, prunable) <= wanted:
            break
    return depth


def target_met(spec: PruneSpec, known: Sequence[Level]) -> Met:
    """The level that the job answers for, out of all its levels.

    `max_accuracy_drop`: the last one that holds on validation; where level 1 does not, level 0, and the target is not
    reached. `max_bytes`: the first one that fits, else the last one there is. A sparsity: the last one.
    """
    last, target = len(known) - 1, spec.open_target
    if target is None:
        return Met(last, reached=True)
    if target.max_accuracy_drop is not None:
        level = last if last and holds(known[last], known[0], target.max_accuracy_drop) else max(last - 1, 0)
        return Met(level, level > 0)
    return Met(last, target.max_bytes is None or fits(known[last], target.max_bytes))


def holds(ticket: Level, dense: Level, points: Decimal) -> bool:
    """Whether tickets lose at most so many points of accuracy on the validation images, and three images always.

    From three replicates on by the rule of `matching`: the one-sided 95 % lower bound of the mean of ticket − dense,
    paired by replicate, is above −margin. With fewer by the mean alone: it is −margin or more.
    """
    pairs = [(_validation(one), _validation(other)) for one, other in zip(ticket, dense, strict=True)]
    images = pairs[0][0].images
    if len(pairs) >= REPLICATES_NEEDED:
        accuracies = ([one.accuracy for one, _ in pairs], [other.accuracy for _, other in pairs])
        return bounds(*accuracies, images).low > -margin_for(float(points), images)
    lost = Fraction(sum(other.correct - one.correct for one, other in pairs), len(pairs) * images)
    return lost <= max(Fraction(points) / 100, Fraction(3, images))


def fits(level: Level, most: int) -> bool:
    """Whether every replicate's packed ticket is that small: each of them can be downloaded."""
    return all(result.files["ticket.winnow"].bytes <= most for result in level)


def _goes_on(target: Target, known: Sequence[Level]) -> bool:
    """Whether the target, after the last of these levels, wants the next."""
    last = known[-1]
    if target.max_accuracy_drop is not None:
        return len(known) == 1 or holds(last, known[0], target.max_accuracy_drop)
    most = target.max_bytes or 0
    return not fits(last, most) and all((one.fixed_bytes or 0) < most for one in last)


def _totals_below(job: Resolved, spec: PruneSpec, level: Level, depth: int) -> Iterator[int]:
    """Weights masked at each level below one at `depth`, as long as each prunes something more and leaves something.

    Whole channels reach past what a level has to mask, so that the next may have nothing to do; they end where those
    that can go are too few, from level 1 on: a dense network does not know of channels.
    """
    rates, scope = job.rates, spec.method.scope
    assert rates is not None  # noqa: S101 - N:M is pruned at once and has no target
    tensors = [tensor for tensor in level[0].tensors if tensor.name not in scope.exclude]
    zeros, prunable = sum(tensor.zeros for tensor in tensors), sum(tensor.size for tensor in tensors)
    of_channels = [one.most_zeros for one in level if one.most_zeros is not None]
    most = min(of_channels, default=prunable - 1)
    while zeros < most:
        counts = level_counts(tensors, rates, depth + 1, None, scope)
        if counts.total > most or (counts.total <= zeros and not of_channels):
            return
        yield counts.total
        zeros, depth = counts.total, depth + 1
        by_tensor = counts.by_tensor or [tensor.zeros for tensor in tensors]  # one ranking goes by the depth alone
        tensors = [t.model_copy(update={"zeros": count}) for t, count in zip(tensors, by_tensor, strict=True)]


def _most_levels(spec: PruneSpec) -> int:
    by_units = (MAX_UNITS // spec.replicates - 1) // (1 + len(spec.controls))
    return min(MAX_LEVELS, by_units)


def _open(spec: PruneSpec) -> Target:
    assert spec.open_target is not None  # noqa: S101 - the caller's mistake: nothing to decide
    return spec.open_target


def _validation(result: UnitResult) -> Score:
    score = result.metrics.validation
    assert score is not None  # noqa: S101 - every dense network and ticket is measured on it
    return score
