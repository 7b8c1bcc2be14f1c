"""Events of a job: numbered, append only, transitions only. The job's row is locked by whoever appends."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, insert, update

from winnow.db.clock import now
from winnow.db.tables import events, jobs

Event = tuple[Literal["job", "level", "unit"], dict[str, Any]]


def append(conn: Connection, job_id: str, new: Sequence[Event]) -> None:
    """Append events, numbered on from the last one. The update of the job's row is what keeps numbers apart."""
    if not new:
        return
    last = conn.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(last_event=jobs.c.last_event + len(new))
        .returning(jobs.c.last_event, jobs.c.tenant)
    ).one()
    first = last.last_event - len(new) + 1
    same = {"job_id": job_id, "tenant": last.tenant}
    rows = [{**same, "seq": first + i, "event": event, "data": data} for i, (event, data) in enumerate(new)]
    conn.execute(insert(events).values(at=now()), rows)
