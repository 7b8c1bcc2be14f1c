"""Cancel: a live job goes to `cancelled`."""

from typing import Literal

from sqlalchemy import Connection, select

from winnow.contract.problems import NotFound
from winnow.db.clock import now
from winnow.db.tables import jobs
from winnow.jobs.ending import end
from winnow.jobs.states import LIVE


def cancel(conn: Connection, tenant: str, job_id: str) -> Literal["cancelled", "already_finished"]:
    """Cancel a job; its units that nobody else wants stop at their worker's next heartbeat.

    1. Lock the job; one that has ended stays as it is.
    2. End it.

    Raises NotFound.
    """
    this = (jobs.c.tenant == tenant, jobs.c.id == job_id)
    job = conn.execute(select(jobs.c.state).where(*this).with_for_update()).one_or_none()
    if job is None:
        raise NotFound(f"There is no job {job_id!r}. GET /v1/jobs lists them.")
    if job.state not in LIVE:
        return "already_finished"
    end(conn, job_id, "cancelled", None, {"cancel_requested_at": now()})
    return "cancelled"
