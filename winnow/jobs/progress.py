"""How far a job is: by the estimated cost of its units, running ones included, and never falling."""

from sqlalchemy import Connection, func, select

from winnow.contract.resources import JobProgress
from winnow.db.clock import now
from winnow.db.tables import job_units, jobs, units
from winnow.db.types import AnyRow
from winnow.jobs.states import LIVE


def fraction(conn: Connection, job: AnyRow) -> float:
    """Share of the cost done, 0–1, at this moment.

    A unit's own progress never falls, and the job's row keeps the highest share so far whenever its plan changes, so
    this does not fall either.
    """
    if job.state not in LIVE or not job.cost_total:
        return float(job.fraction)
    on = (units.c.tenant == job_units.c.tenant) & (units.c.key == job_units.c.unit_key)
    done = select(func.sum(units.c.cost * units.c.progress)).select_from(job_units.join(units, on))
    share: float = (conn.scalar(done.where(job_units.c.job_id == job.id)) or 0.0) / job.cost_total
    return max(float(job.fraction), min(1.0, share))


def progress(conn: Connection, job: AnyRow) -> JobProgress:
    """A job's progress and the time left, judged by what it got done since it was started."""
    share = fraction(conn, job)
    left = _seconds_left(conn, job, share)
    return JobProgress(units_done=job.units_done, units_total=job.units_total, fraction=share, eta_seconds=left)


def _seconds_left(conn: Connection, job: AnyRow, share: float) -> float | None:
    gained = share - float(job.fraction_at_start)
    if job.state != "running" or gained <= 0:
        return None
    passed = conn.scalar(select(now() - jobs.c.started_at).where(jobs.c.id == job.id))
    return max(0.0, (1.0 - share) / gained * float(passed or 0.0))
