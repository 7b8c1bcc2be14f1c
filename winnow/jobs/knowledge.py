"""What a job knows when it is settled: its units as they are, all results that its plan can use, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from winnow.contract.problems import JobError
from winnow.contract.results import UnitResult
from winnow.contract.rows import LevelRow, PointRow
from winnow.contract.units import Unit
from winnow.db.chunks import chunks
from winnow.db.tables import job_units, units
from winnow.db.types import AnyRow
from winnow.jobs.states import FOR_GOOD
from winnow.jobs.tell import job_error
from winnow.plan import Finished, Part, Pending, Resolved, levels, parts, plan, points


@dataclass(frozen=True)
class Knowledge:
    """The answer of a job's plan, and what it rests on."""

    answer: Pending | Finished
    parts: tuple[Part, ...]
    levels: tuple[LevelRow, ...]
    points: tuple[PointRow, ...]
    found: tuple[Unit, ...]
    """Units that others have done already; the job does not need them yet by its rows."""
    seen: tuple[str, ...]
    """Keys of the job's own units whose end it takes in now."""


def attached_units(conn: Connection, job_id: str) -> dict[str, AnyRow]:
    """The units that a job needs by its rows: state, result, unseen, failure by key."""
    on = (units.c.tenant == job_units.c.tenant) & (units.c.key == job_units.c.unit_key)
    wanted = (units.c.key, units.c.state, units.c.result, job_units.c.unseen, job_units.c.failure)
    query = select(*wanted).select_from(job_units.join(units, on)).where(job_units.c.job_id == job_id)
    return {row.key: row for row in conn.execute(query.order_by(units.c.number)).all()}


def knowledge(conn: Connection, tenant: str, job: Resolved, attached: Mapping[str, AnyRow]) -> Knowledge | JobError:
    """Plan with what is known; while others have done what is asked for, take that too and plan again.

    A JobError where a unit is needed that failed for good before this job asked for it. Needs no locks: a unit that is
    done stays done, and one that failed for good stays failed.
    """
    results = {key: UnitResult.model_validate(row.result) for key, row in attached.items() if row.state == "done"}
    seen = tuple(key for key in results if attached[key].unseen)
    found: list[Unit] = []
    while True:
        answer = plan(job, results)
        asked = {unit.key: unit for unit in answer.units} if isinstance(answer, Pending) else {}
        elsewhere = _ended(conn, tenant, [key for key in asked if key not in attached])
        for row in elsewhere:
            if row.state == "failed":
                return job_error(row.reason, row.detail, row.key, row.attempt)
        if not elsewhere:
            break
        results |= {row.key: UnitResult.model_validate(row.result) for row in elsewhere}
        found += [asked[row.key] for row in elsewhere]
    rows = levels(job, results), points(job, results)
    return Knowledge(answer, parts(job, results), *rows, tuple(found), seen)


def _ended(conn: Connection, tenant: str, keys: list[str]) -> list[AnyRow]:
    for_good = (units.c.state == "done") | ((units.c.state == "failed") & units.c.reason.in_(FOR_GOOD))
    columns = (units.c.key, units.c.state, units.c.result, units.c.reason, units.c.detail, units.c.attempt)
    query = select(*columns).where(units.c.tenant == tenant, for_good).order_by(units.c.number)
    return [row for some in chunks(keys) for row in conn.execute(query.where(units.c.key.in_(some))).all()]
