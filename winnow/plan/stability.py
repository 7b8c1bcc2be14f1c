"""Where `"rewind": "auto"` rewinds to: the instability test of Frankle et al. 2020, arXiv:1912.05671.

Two copies are trained from the state at k under two data orders. Where no barrier stands between their ends, k is late
enough: later noise does not change which basin the training ends in, so that a ticket found there can be found again.
Tried on replicate 0 alone, since a job has one k; its network is dense, as the paper's tickets become stable no later.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from winnow.contract.counts import round_half_up
from winnow.contract.inputs import StabilityInputs
from winnow.contract.results import Line, UnitResult
from winnow.contract.rows import FoundRewind, TriedRewind
from winnow.contract.specs.jobs import PruneSpec
from winnow.contract.specs.pruning import AUTO, Rewind
from winnow.contract.units import Unit
from winnow.plan.resolved import Resolved

SHARES = tuple(Fraction(part, 1000) for part in (0, 5, 10, 20, 50, 100, 200))
"""Of training: where rewinding may go, in the order in which it is tried."""

BARRIER = Fraction(2, 100)
"""Below this a network is stable: 2 points of error."""


class Search(NamedTuple):
    """The units of the test that are needed by now, and the point that it took, once it has."""

    units: Sequence[Unit]
    found: FoundRewind | None


def rewind_points(steps: int) -> tuple[int, ...]:
    """The steps that are tried, rising: shares of a training of `steps`, rounded half up, each once."""
    return tuple(sorted({round_half_up(share * steps) for share in SHARES}))


def is_auto(job: Resolved) -> bool:
    """Whether results decide where the job rewinds to."""
    return isinstance(job.spec, PruneSpec) and job.spec.method.rewind == AUTO


def search(tests: Sequence[Unit], results: Mapping[str, UnitResult]) -> Search:
    """Go through the `tests` of rising points up to the first that is stable, or the last.

    The first unit of `tests` is the dense training that keeps the states. Where no point is stable the last is taken:
    sparse networks become stable earlier than dense ones (section 4 of the paper), so that it may well do.
    """
    tried: list[TriedRewind] = []
    for place, unit in enumerate(tests[1:], start=2):
        result = results.get(unit.key)
        if result is None:
            return Search(tests[:place], None)
        tried.append(_tried(unit, result.line))
        if tried[-1].stable:
            break
    last = tried[-1]
    return Search(tests[: 1 + len(tried)], FoundRewind(step=last.step, stable=last.stable, tried=tuple(tried)))


def rewinding_to(job: Resolved, step: int) -> Resolved:
    """The job as if this step had been given: its units are the very ones of a job that names the step."""
    assert isinstance(job.spec, PruneSpec)  # noqa: S101 - only they rewind; the caller's mistake
    method = job.spec.method.model_copy(update={"rewind": Rewind(step=step)})
    spec = job.spec.model_copy(update={"method": method})
    # Not a copy of the job: that would keep what it cached.
    return Resolved(spec=spec, dataset=job.dataset, resource=job.resource, source=job.source)


def _tried(unit: Unit, line: Line | None) -> TriedRewind:
    assert isinstance(unit.inputs, StabilityInputs)  # noqa: S101 - no other unit tries a point
    assert line is not None  # noqa: S101 - every stability unit has measured the line
    barrier = line.barrier
    return TriedRewind(step=unit.inputs.step, barrier=float(barrier), stable=barrier < BARRIER, unit=unit.key)
