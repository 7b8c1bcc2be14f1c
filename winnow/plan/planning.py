"""The one idea: a job is a plan of units, and what to do next follows from what is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winnow.contract.results import Check, UnitResult
from winnow.contract.rows import JobResult, LevelRow, PointRow, Progress, TableRow
from winnow.contract.units import Unit
from winnow.plan import rows
from winnow.plan.certificate import audit, certificate, of_points
from winnow.plan.place import Place
from winnow.plan.places import cost_at_most
from winnow.plan.places import places as of_one_job
from winnow.plan.resolved import Resolved
from winnow.plan.succession import depth, stages

Results = Mapping[str, UnitResult]


@dataclass(frozen=True)
class Outcome:
    """What a job found; where `failed_checks` is not empty, the job has failed and claims nothing.

    A sweep has neither levels nor a result: its points have theirs.
    """

    levels: tuple[LevelRow, ...]
    points: tuple[PointRow, ...]
    result: JobResult | None
    certificate: dict[str, Any]
    failed_checks: tuple[Check, ...]


@dataclass(frozen=True)
class Pending:
    """Units that can be done now: each has its parents' results and none of its own. The chain comes first.

    A model that the job begins with may stand on units that are no part of it: where it was named by its id it is
    done, and asking for it is what finds it.
    """

    units: tuple[Unit, ...]
    progress: Progress
    cost: int
    """Of all units that the job may come to need; what is named by now may be fewer."""


@dataclass(frozen=True)
class Finished:
    """Nothing is needed any more."""

    outcome: Outcome
    progress: Progress
    cost: int


@dataclass(frozen=True)
class Part:
    """One point of a sweep, or the whole of a job that has none: its units by key, and its levels."""

    at: dict[str, Any] | None
    places: Mapping[str, Place]
    levels: tuple[LevelRow, ...]


def plan(job: Resolved, results: Results) -> Pending | Finished:
    """Say what a job needs next, given the results so far (by unit key; others are ignored).

    Pure: the same answer for the same arguments, whatever the order in which results arrived.
    """
    units, cost = [place.unit for place in places(job, results)], _cost(job, results)
    progress = _progress(units, cost, results)
    missing = [unit for unit in units if unit.key not in results]
    if missing:
        awaited = {unit.key for unit in missing}
        ready = tuple(unit for unit in missing if awaited.isdisjoint(unit.parents.values()))
        return Pending(ready, progress, cost)
    return Finished(_outcome_of_points(job, results) if job.points else _outcome(job, results), progress, cost)


def places(job: Resolved, results: Results) -> tuple[Place, ...]:
    """Every unit of the job that can be named by now, in the order of its needs; those of the jobs before it first."""
    known = (stage for one in _alone(job) for stage in stages(one, results))
    named = (place for stage in known for place in of_one_job(stage, results))
    return tuple({place.unit.key: place for place in named}.values())


def is_more_than(job: Resolved, most: int) -> bool:
    """Whether a job names more units than that before anything is done, points and jobs before it included."""
    named = set[str]()
    for one in _alone(job):
        named |= {place.unit.key for stage in _in_full(one, {}) for place in of_one_job(stage, {})}
        if len(named) > most:  # what is beyond is not named: that would be what makes it slow
            return True
    return False


def parts(job: Resolved, results: Results) -> tuple[Part, ...]:
    """What there is to tell of each point."""
    return tuple(_part(at, one, results) for at, one in zip(_ats(job), _alone(job), strict=True))


def levels(job: Resolved, results: Results) -> tuple[LevelRow, ...]:
    """The rows of the job itself; none while those before it are at work, and none of a sweep."""
    known = stages(job, results)
    return rows.levels(known[-1], results) if len(known) == depth(job) and not job.points else ()


def points(job: Resolved, results: Results) -> tuple[PointRow, ...]:
    """The points of a sweep as they are by now."""
    return tuple(_point_row(point.at, point.job, results) for point in job.points)


def table(job: Resolved, results: Results) -> tuple[TableRow, ...]:
    """The networks of the job itself, point by point; none while those before it are at work."""
    found = ((at, row) for at, one in zip(_ats(job), _alone(job), strict=True) for row in _table(one, results))
    return tuple(row if at is None else row.model_copy(update={"at": at}) for at, row in found)


def _alone(job: Resolved) -> tuple[Resolved, ...]:
    """The points of a sweep, each as a job by itself; of a job without one, the job."""
    return tuple(point.job for point in job.points) or (job,)


def _ats(job: Resolved) -> tuple[dict[str, Any] | None, ...]:
    return tuple(point.at for point in job.points) or (None,)


def _table(job: Resolved, results: Results) -> tuple[TableRow, ...]:
    known = stages(job, results)
    return rows.table(known[-1], results) if len(known) == depth(job) else ()


def _outcome(job: Resolved, results: Results) -> Outcome:
    known = stages(job, results)
    last, checks = known[-1], [check for stage in known for check in audit(stage, results)]
    return Outcome(
        levels=rows.levels(last, results),
        points=(),
        result=rows.claims(last, results),
        certificate=_certificate(known, results),
        failed_checks=tuple(check for check in checks if not check.ok),
    )


def _outcome_of_points(job: Resolved, results: Results) -> Outcome:
    found = [(point.at, _outcome(point.job, results)) for point in job.points]
    return Outcome(
        levels=(),
        points=tuple(_ended(at, outcome) for at, outcome in found),
        result=None,
        certificate=of_points(job.spec, [(at, outcome.certificate) for at, outcome in found]),
        failed_checks=tuple(check for _, outcome in found for check in outcome.failed_checks),
    )


def _part(at: dict[str, Any] | None, job: Resolved, results: Results) -> Part:
    return Part(at, {place.unit.key: place for place in places(job, results)}, levels(job, results))


def _point_row(at: dict[str, Any], job: Resolved, results: Results) -> PointRow:
    known = [place.unit.key in results for place in places(job, results)]
    if all(known):
        return _ended(at, _outcome(job, results))
    return PointRow(at=at, state="running" if any(known) else "queued", levels=levels(job, results))


def _ended(at: dict[str, Any], outcome: Outcome) -> PointRow:
    if outcome.failed_checks:
        return PointRow(at=at, state="failed", levels=outcome.levels)
    return PointRow(at=at, state="succeeded", levels=outcome.levels, result=outcome.result)


def _certificate(known: tuple[Resolved, ...], results: Results) -> dict[str, Any]:
    """That of the last stage; of the stages before it, each its own."""
    *before, last = known
    own = certificate(last, results)
    return own | {"before": [certificate(stage, results) for stage in before]} if before else own


def _cost(job: Resolved, results: Results) -> int:
    """Of all stages, each unit once; of those whose model is not known yet, as if it were the one that is presumed."""
    costs, beyond = dict[str, int](), 0
    for stage in (stage for one in _alone(job) for stage in _in_full(one, results)):
        named = {place.unit.key: place.unit.cost for place in of_one_job(stage, results)}
        beyond += cost_at_most(stage, results) - sum(named.values())
        costs |= named
    return sum(costs.values()) + beyond


def _in_full(job: Resolved, results: Results) -> tuple[Resolved, ...]:
    known, to_come = stages(job, results), list[Resolved]()
    while depth(job) > len(known):
        to_come.append(job.model_copy(update={"before": None}))
        assert job.before is not None  # noqa: S101 - its depth says so
        job = job.before
    return (*known, *to_come)


def _progress(units: list[Unit], cost: int, results: Results) -> Progress:
    done = [unit for unit in units if unit.key in results]
    return Progress(
        units_done=len(done),
        units_total=len(units),
        fraction=sum(unit.cost for unit in done) / cost,
    )
