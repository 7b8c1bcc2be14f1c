"""Start: a job goes `queued → running` when the first of its units is worked on."""

from sqlalchemy import Connection, select, update

from winnow.db.clock import now
from winnow.db.tables import job_units, jobs, units
from winnow.jobs import events
from winnow.jobs.lease import Claim


def started(conn: Connection, job_id: str) -> bool:
    """Say that a job runs; False where it was not queued.

    1. Lock and move the job; what is done already (by others) is where its estimate of the time left starts from.
    2. Event.
    """
    done = conn.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == "queued")
        .values(state="running", started_at=now(), fraction_at_start=jobs.c.fraction)
    )
    if done.rowcount == 0:
        return False
    events.append(conn, job_id, [("job", {"state": "running", "reason": None})])
    return True


def jobs_to_start(conn: Connection, claim: Claim) -> list[str]:
    """The queued jobs that need the unit just claimed: `started` each, in a transaction of its own."""
    here = (job_units.c.tenant == claim.tenant, job_units.c.unit_key == claim.unit.key, jobs.c.state == "queued")
    return list(conn.scalars(select(jobs.c.id).join(job_units).where(*here).order_by(jobs.c.number)))


def is_worked_on(conn: Connection, job_id: str) -> bool:
    """Whether a unit that the job needs runs now, for whichever job it was claimed."""
    return bool(conn.scalar(select(_running.where(job_units.c.job_id == job_id).exists())))


def missed_starts(conn: Connection) -> list[str]:
    """Queued jobs of which a unit runs: whoever claimed it has not come to say so. For upkeep."""
    query = select(jobs.c.id).where(jobs.c.state == "queued", jobs.c.id.in_(_running))
    return list(conn.scalars(query.order_by(jobs.c.number)))


_running = (
    select(job_units.c.job_id)
    .join(units, (units.c.tenant == job_units.c.tenant) & (units.c.key == job_units.c.unit_key))
    .where(units.c.state == "running")
)
