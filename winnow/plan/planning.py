"""The one idea: a job is a plan of units, and what to do next follows from what is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winnow.contract.results import Check, JobResult, LevelRow, Progress, UnitResult
from winnow.contract.units import Unit
from winnow.plan.certificate import audit, certificate
from winnow.plan.places import cost_at_most, places
from winnow.plan.resolve import Resolved
from winnow.plan.rows import claims, levels


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
    units, cost = [place.unit for place in places(job, results)], cost_at_most(job, results)
    progress = _progress(units, cost, results)
    missing = [unit for unit in units if unit.key not in results]
    if missing:
        ready = tuple(unit for unit in missing if all(key in results for key in unit.parents.values()))
        return Pending(ready, progress, cost)
    checks = audit(job, results)
    outcome = Outcome(
        levels=levels(job, results),
        result=claims(job, results),
        certificate=certificate(job, results),
        failed_checks=tuple(check for check in checks if not check.ok),
    )
    return Finished(outcome, progress, cost)


def _progress(units: list[Unit], cost: int, results: Mapping[str, UnitResult]) -> Progress:
    done = [unit for unit in units if unit.key in results]
    return Progress(
        units_done=len(done),
        units_total=len(units),
        fraction=sum(unit.cost for unit in done) / cost,
    )
