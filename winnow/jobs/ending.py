"""End: a live job goes to `succeeded`, `failed` or `cancelled`, and lets go of its units."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from winnow.contract.problems import JobError
from winnow.db.clock import now
from winnow.db.tables import job_units, jobs, units
from winnow.jobs import events
from winnow.jobs.progress import fraction
from winnow.jobs.states import LIVE
from winnow.jobs.wanted import recount


def end(
    conn: Connection,
    job_id: str,
    state: Literal["succeeded", "failed", "cancelled"],
    error: JobError | None = None,
    found: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """End a job whose row the caller has locked; `found` are the columns that tell what came out.

    1. Move the job, with the progress that it had; event.
    2. Lock its units by key.
    3. Nothing is unseen any more; `wanted` and `rank` of the units.
    4. Units that are ready and that no other job wants: cancelled. One that runs hears of it at its next heartbeat.
    """
    reason = error.reason if error else None
    values: dict[str, Any] = {
        "state": state,
        "reason": reason,
        "error": error.model_dump(mode="json") if error else None,
    }
    live = (jobs.c.id == job_id, jobs.c.state.in_(LIVE))
    job = conn.execute(select(jobs).where(*live)).one()
    values |= {"finished_at": now(), "fraction": fraction(conn, job), **found}
    conn.execute(update(jobs).where(*live).values(**values))
    events.append(conn, job_id, [("job", {"state": state, "reason": reason})])
    mine = select(job_units.c.unit_key).where(job_units.c.job_id == job_id)
    these = (units.c.tenant == job.tenant, units.c.key.in_(mine))
    keys = list(conn.scalars(select(units.c.key).where(*these).order_by(units.c.key).with_for_update(key_share=True)))
    conn.execute(update(job_units).where(job_units.c.job_id == job_id, job_units.c.unseen).values(unseen=False))
    recount(conn, job.tenant, keys)
    alone = (units.c.state == "ready", units.c.wanted == 0)
    conn.execute(update(units).where(*these, *alone).values(state="cancelled"))
