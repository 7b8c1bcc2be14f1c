"""The one idea: a job is a plan of units, and what to do next follows from what is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winnow.contract.results import Check, JobResult, LevelRow, Progress, TableRow, UnitResult
from winnow.contract.units import Unit
from winnow.plan import rows
from winnow.plan.certificate import audit, certificate
from winnow.plan.place import Place
from winnow.plan.places import cost_at_most
from winnow.plan.places import places as of_one_job
from winnow.plan.resolved import Resolved
from winnow.plan.succession import depth, stages


@dataclass(frozen=True)
class Outcome:
    """What a job found; where `failed_checks` is not empty, the job has failed and claims nothing."""

    levels: tuple[LevelRow, ...]
    result: JobResult
    certificate: dict[str, Any]
    failed_checks: tuple[Check, ...]


@dataclass(frozen=True)
class Pending:
    """Units that can be done now: each has its parents' results and none of its own. The chain comes first."""

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


def plan(job: Resolved, results: Mapping[str, UnitResult]) -> Pending | Finished:
    """Say what a job needs next, given the results so far (by unit key; others are ignored).

    Pure: the same answer for the same arguments, whatever the order in which results arrived.
    """
    known = stages(job, results)
    units, cost = [place.unit for place in places(job, results)], _cost(job, known, results)
    progress = _progress(units, cost, results)
    missing = [unit for unit in units if unit.key not in results]
    if missing:
        ready = tuple(unit for unit in missing if all(key in results for key in unit.parents.values()))
        return Pending(ready, progress, cost)
    last, checks = known[-1], [check for stage in known for check in audit(stage, results)]
    outcome = Outcome(
        levels=rows.levels(last, results),
        result=rows.claims(last, results),
        certificate=_certificate(known, results),
        failed_checks=tuple(check for check in checks if not check.ok),
    )
    return Finished(outcome, progress, cost)


def places(job: Resolved, results: Mapping[str, UnitResult]) -> tuple[Place, ...]:
    """Every unit of the job that can be named by now, in the order of its needs; those of the jobs before it first."""
    named = (place for stage in stages(job, results) for place in of_one_job(stage, results))
    return tuple({place.unit.key: place for place in named}.values())


def levels(job: Resolved, results: Mapping[str, UnitResult]) -> tuple[LevelRow, ...]:
    """The rows of the job itself; none while those before it are at work."""
    known = stages(job, results)
    return rows.levels(known[-1], results) if len(known) == depth(job) else ()


def table(job: Resolved, results: Mapping[str, UnitResult]) -> tuple[TableRow, ...]:
    """The networks of the job itself; none while those before it are at work."""
    known = stages(job, results)
    return rows.table(known[-1], results) if len(known) == depth(job) else ()


def _certificate(known: tuple[Resolved, ...], results: Mapping[str, UnitResult]) -> dict[str, Any]:
    """That of the last stage; of the stages before it, each its own."""
    *before, last = known
    own = certificate(last, results)
    return own | {"before": [certificate(stage, results) for stage in before]} if before else own


def _cost(job: Resolved, known: tuple[Resolved, ...], results: Mapping[str, UnitResult]) -> int:
    """Of all stages, each unit once; of those whose model is not known yet, as if it were the one that is presumed."""
    to_come: list[Resolved] = []
    while depth(job) > len(known):
        to_come.append(job.model_copy(update={"before": None}))
        assert job.before is not None  # noqa: S101 - its depth says so
        job = job.before
    costs, beyond = dict[str, int](), 0
    for stage in (*known, *to_come):
        named = {place.unit.key: place.unit.cost for place in of_one_job(stage, results)}
        beyond += cost_at_most(stage, results) - sum(named.values())
        costs |= named
    return sum(costs.values()) + beyond


def _progress(units: list[Unit], cost: int, results: Mapping[str, UnitResult]) -> Progress:
    done = [unit for unit in units if unit.key in results]
    return Progress(
        units_done=len(done),
        units_total=len(units),
        fraction=sum(unit.cost for unit in done) / cost,
    )
