"""Settle: a job takes in what its units have come to, and says what it needs next. Running it twice changes nothing."""

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, exists, or_, select, update

from winnow.contract.problems import JobError, Reason
from winnow.db.chunks import chunks
from winnow.db.tables import job_units, jobs, units
from winnow.db.types import AnyRow
from winnow.jobs import events
from winnow.jobs.attach import attach, attach_done
from winnow.jobs.ending import end
from winnow.jobs.knowledge import Knowledge, attached_units, knowledge
from winnow.jobs.lease import Claim
from winnow.jobs.news import news, of_new_units
from winnow.jobs.progress import fraction
from winnow.jobs.start import is_worked_on, started
from winnow.jobs.states import OPEN, WANTING
from winnow.jobs.tell import job_error
from winnow.plan import Finished, Outcome, Pending, Resolved

log = logging.getLogger(__name__)


def settle(conn: Connection, job_id: str) -> None:
    """Bring one job up to date.

    1. Lock the job. One that has ended, or is paused, stays as it is.
    2. A unit that failed while the job was attached to it fails the job.
    3. Plan with all results there are, those that other jobs had made included.
    4. Take in what is new: events, progress, levels.
    5. Nothing needed any more: the job has succeeded, unless a check of its audit failed.
    6. Else attach to what is needed now; units are locked by key from here on.
    """
    job = conn.execute(select(jobs).where(jobs.c.id == job_id).with_for_update()).one()
    if job.state not in WANTING:
        return
    attached = attached_units(conn, job_id)
    known = _know(conn, job, attached)
    if isinstance(known, JobError):
        end(conn, job_id, "failed", known)
        return
    events.append(conn, job_id, news(known))
    if isinstance(known.answer, Finished):
        _finish(conn, job, known, known.answer.outcome)
    else:
        _go_on(conn, job, known, known.answer, attached)


def unsettled(conn: Connection) -> list[str]:
    """Jobs whose settle has not come: something is unseen, or nothing of theirs is left to end. For upkeep."""
    mine = job_units.c.job_id == jobs.c.id
    on = (units.c.tenant == job_units.c.tenant) & (units.c.key == job_units.c.unit_key)
    unseen = exists().where(mine, job_units.c.unseen)
    pending = exists().select_from(job_units.join(units, on)).where(mine, units.c.state.in_(OPEN))
    query = select(jobs.c.id).where(jobs.c.state.in_(WANTING), or_(unseen, ~pending))
    return list(conn.scalars(query.order_by(jobs.c.number)))


def jobs_of(conn: Connection, claim: Claim) -> list[str]:
    """The jobs that have not taken in the end of a claim's unit: settle each, in a transaction of its own."""
    here = (job_units.c.tenant == claim.tenant, job_units.c.unit_key == claim.unit.key, job_units.c.unseen)
    query = select(jobs.c.id).join(job_units).where(*here, jobs.c.state.in_(WANTING))
    return list(conn.scalars(query.order_by(jobs.c.number)))


def _know(conn: Connection, job: AnyRow, attached: Mapping[str, AnyRow]) -> Knowledge | JobError:
    failed = next((row.failure for row in attached.values() if row.failure), None)
    if failed is not None:
        return JobError.model_validate(failed)
    try:
        return knowledge(conn, job.tenant, Resolved.model_validate(job.resolved), attached)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A plan is pure: it would fail the same way at every settle. The job says so instead of waiting for ever.
        log.exception("the plan of job %s failed", job.id)
        return job_error(Reason.BUG, f"The plan failed: {error!r}")


def _finish(conn: Connection, job: AnyRow, known: Knowledge, outcome: Outcome) -> None:
    attach_done(conn, job, known.found)
    shown = _shown(known)
    if outcome.failed_checks:
        said = "; ".join(f"{check.name}: {check.evidence}" for check in outcome.failed_checks)
        error = job_error(Reason.BUG, f"The audit failed, so nothing is claimed. {said}")
        end(conn, job.id, "failed", error, shown)
        return
    result = None if outcome.result is None else outcome.result.model_dump(mode="json")
    found = {"fraction": 1.0, "result": result, "certificate": outcome.certificate}
    end(conn, job.id, "succeeded", None, shown | found)


def _go_on(conn: Connection, job: AnyRow, known: Knowledge, answer: Pending, attached: Mapping[str, AnyRow]) -> None:
    highest = fraction(conn, job)
    attach(conn, job, (*known.found, *answer.units), attached, taken_in=[unit.key for unit in known.found])
    events.append(conn, job.id, of_new_units(known, answer, attached))
    for some in chunks(known.seen):
        mine = (job_units.c.job_id == job.id, job_units.c.unit_key.in_(some))
        conn.execute(update(job_units).where(*mine).values(unseen=False))
    this = jobs.c.id == job.id
    planned = conn.execute(update(jobs).where(this).values(**_shown(known), fraction=highest).returning(jobs)).one()
    conn.execute(update(jobs).where(this).values(fraction=fraction(conn, planned)))
    if known.seen or is_worked_on(conn, job.id):
        started(conn, job.id)


def _shown(known: Knowledge) -> dict[str, Any]:
    return {
        "units_done": known.answer.progress.units_done,
        "units_total": known.answer.progress.units_total,
        "cost_total": known.answer.cost,
        "levels": [row.model_dump(mode="json") for row in known.levels],
        "points": [row.model_dump(mode="json") for row in known.points],
    }
