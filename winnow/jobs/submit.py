"""Submit: a job comes in as `queued`, and is settled at once."""

from typing import Any

from sqlalchemy import Connection, select

from winnow.contract.ids import new_id
from winnow.contract.problems import InvalidSpec
from winnow.contract.values import canonical_json
from winnow.db.insert import insert_absent
from winnow.db.tables import jobs
from winnow.jobs import events
from winnow.jobs.settle import settle
from winnow.plan import Resolved


def submit(
    conn: Connection, *, tenant: str, sent: dict[str, Any], resolved: Resolved, idempotency_key: str | None = None
) -> str:
    """Take a job in and give its id; with an idempotency key that was used before, the id of the first one.

    1. Insert; of two at once under one key the second waits here for the first.
    2. Event.
    3. Settle: units are attached, or, where all is there already, the job succeeds at once.

    Raises InvalidSpec where the key came with another body before.
    """
    job_id = new_id("job")
    insert_absent(conn, jobs, [_row(job_id, tenant, sent, resolved, idempotency_key)])
    if idempotency_key is not None:
        first = replayed(conn, tenant=tenant, sent=sent, idempotency_key=idempotency_key)
        if first is not None and first != job_id:
            return first
    events.append(conn, job_id, [("job", {"state": "queued", "reason": None})])
    settle(conn, job_id)
    return job_id


def replayed(conn: Connection, *, tenant: str, sent: dict[str, Any], idempotency_key: str) -> str | None:
    """The job that came under this key before; InvalidSpec where its body was another."""
    under_it = (jobs.c.tenant == tenant, jobs.c.idempotency_key == idempotency_key)
    row = conn.execute(select(jobs.c.id, jobs.c.sent).where(*under_it)).one_or_none()
    if row is None:
        return None
    if canonical_json(row.sent) != canonical_json(sent):
        raise InvalidSpec(
            f"The Idempotency-Key {idempotency_key!r} came before with another body (job {row.id}). "
            "Send a new key with a new job, or the same body to get the first answer."
        )
    return str(row.id)


def _row(job_id: str, tenant: str, sent: dict[str, Any], resolved: Resolved, key: str | None) -> dict[str, Any]:
    return {
        "id": job_id,
        "tenant": tenant,
        "kind": resolved.spec.kind,
        "state": "queued",
        "sent": sent,
        "resolved": resolved.model_dump(mode="json"),
        "resource": resolved.resource,
        "idempotency_key": key,
        "last_event": 0,
        "units_done": 0,
        "units_total": 0,
        "cost_total": 0,
        "fraction": 0.0,
        "fraction_at_start": 0.0,
        "levels": [],
        "points": [],
    }
