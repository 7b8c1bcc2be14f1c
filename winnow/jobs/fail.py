"""Fail: `running → failed`."""

from sqlalchemy import Connection, update

from winnow.contract.problems import Reason
from winnow.db.clock import now
from winnow.db.tables import units
from winnow.jobs import attempts
from winnow.jobs.lease import NO_CHECKPOINT, Claim, attempt_of, held
from winnow.jobs.tell import job_error, tell_jobs


def fail(conn: Connection, claim: Claim, reason: Reason, detail: str) -> bool:
    """End a unit that cannot be done; False where the lease is lost.

    1. Behind the fence: why. The checkpoint goes: if a later job tries again, it may be what was wrong.
    2. The attempt's end.
    3. Each live job that needs the unit is told; it fails when it takes that in.
    """
    values = {"state": "failed", "reason": reason, "detail": detail, "finished_at": now(), "lease_until": None}
    done = conn.execute(update(units).where(held(claim)).values(**values, **NO_CHECKPOINT))
    if done.rowcount == 0:
        return False
    key = claim.unit.key
    attempts.end(conn, attempt_of(claim), "failed", reason, detail)
    tell_jobs(conn, claim.tenant, key, job_error(reason, detail, key, claim.attempt))
    return True
