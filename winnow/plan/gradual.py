"""The ramp of gradual pruning: Zhu & Gupta 2017, arXiv:1710.01878, section 3, from 0 to the target by a cubic."""

from collections.abc import Sequence
from fractions import Fraction

from winnow.contract.counts import zeros_for
from winnow.contract.inputs import LevelInputs
from winnow.contract.problems import InvalidSpec
from winnow.contract.recipes import Ramp
from winnow.contract.results import TensorCount
from winnow.contract.specs.gradual import Gradual, Moment
from winnow.plan.counts import Counts, level_counts


def ramp(schedule: Gradual, rewind: int, steps_per_epoch: int) -> Ramp:
    """The ramp in steps of the training."""
    every = schedule.every.steps or (schedule.every.epochs or 1) * steps_per_epoch
    begin = rewind if schedule.begin is None else _step(schedule.begin, steps_per_epoch)
    return Ramp(begin=begin, end=_step(schedule.end, steps_per_epoch), every=every)


def _step(moment: Moment, steps_per_epoch: int) -> int:
    return moment.step if moment.step is not None else (moment.epoch or 0) * steps_per_epoch


def check_ramp(found: Ramp, rewind: int, steps: int) -> None:
    """Raise InvalidSpec for a ramp that does not lie inside the training, or is no whole number of prunings."""
    if found.begin < rewind:
        raise InvalidSpec(
            f"Pruning would begin at step {found.begin}, but training starts from the rewind point, step {rewind}. "
            "Begin there or later, or leave out `begin`."
        )
    if found.end >= steps:
        raise InvalidSpec(
            f"Pruning would end at step {found.end}, but training ends at step {steps}: nothing would be trained under "
            "the final mask. End earlier."
        )
    if found.end <= found.begin:
        raise InvalidSpec(
            f"Pruning would end at step {found.end}, but it begins at step {found.begin}. End later, or begin earlier."
        )
    if (found.end - found.begin) % found.every:
        raise InvalidSpec(
            f"From step {found.begin} to step {found.end} is no whole number of times {found.every} steps. "
            "Give another `begin`, `end` or `every`."
        )


def prunings(found: Ramp) -> range:
    """The steps after which is pruned. At `begin` itself the ramp is at 0."""
    return range(found.begin + found.every, found.end + 1, found.every)


def share_of_target(found: Ramp, step: int) -> Fraction:
    """s_t ÷ s_f = 1 − (1 − (t − t₀) ÷ nΔt)³, exactly."""
    return 1 - (1 - Fraction(step - found.begin, found.end - found.begin)) ** 3


def counts_at(inputs: LevelInputs, found: Ramp, step: int, before: Sequence[TensorCount]) -> Counts:
    """Zeros to leave after a step, given those before it: exact, and shared among layers as the scope says."""
    share, densities = share_of_target(found, step), inputs.scope.densities
    if densities is not None:
        zeros = tuple(zeros_for(share * Fraction(1 - densities[tensor.name]), tensor.size) for tensor in before)
        return Counts(sum(zeros), zeros)
    assert not isinstance(inputs.rates, dict | None)  # noqa: S101 - `chains` gives a ramp its target as its rate
    return level_counts(before, inputs.rates, inputs.depth, share * Fraction(inputs.rates), inputs.scope)
