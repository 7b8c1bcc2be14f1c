"""Telling the jobs that need a unit that it has ended: `unseen` until each has taken that in by itself."""

from sqlalchemy import Connection, select, update

from winnow.contract.problems import JobError, Reason, Slug
from winnow.db.tables import job_units, jobs
from winnow.jobs.states import LIVE

_WORDS: dict[Reason, tuple[Slug, str]] = {
    Reason.USER_ERROR: (Slug.UNPROCESSABLE, "What was asked for cannot be done"),
    Reason.DATA_ERROR: (Slug.UNPROCESSABLE, "The data cannot be used"),
    Reason.OUT_OF_MEMORY: (Slug.INTERNAL, "The worker's machine is not enough for it"),
    Reason.NO_SPACE: (Slug.INTERNAL, "The worker ran out of disk space"),
    Reason.STORE_UNAVAILABLE: (Slug.UNAVAILABLE, "The object store stayed away"),
    Reason.WORKER_LOST: (Slug.INTERNAL, "The worker was lost"),
    Reason.SUSPECTED_POISON: (Slug.INTERNAL, "A unit lost its worker again and again"),
    Reason.DEADLINE: (Slug.INTERNAL, "It took too long"),
    Reason.BUG: (Slug.INTERNAL, "Winnow itself failed"),
}


def job_error(reason: Reason, detail: str, unit: str | None = None, attempt: int | None = None) -> JobError:
    """Why a job failed, in the words of a problem."""
    slug, title = _WORDS[reason]
    kind = f"urn:winnow:problem:{slug.value}"
    return JobError(type=kind, title=title, detail=detail, reason=reason, unit=unit, attempt=attempt)


def tell_jobs(conn: Connection, tenant: str, key: str, failure: JobError | None = None) -> None:
    """Mark the end of a unit as unseen for each live job that needs it; a failure stays with the job.

    It stays there even if another job makes the unit ready again before this one looks: whoever was attached when it
    failed, fails.
    """
    live = select(jobs.c.id).where(jobs.c.id == job_units.c.job_id, jobs.c.state.in_(LIVE)).exists()
    told = {"unseen": True} | ({"failure": failure.model_dump(mode="json")} if failure else {})
    this = (job_units.c.tenant == tenant, job_units.c.unit_key == key)
    conn.execute(update(job_units).where(*this, live).values(**told))
