"""Lose: `running → ready`, `→ failed` at the third loss in a row, `→ cancelled` where nobody wants the unit."""

from sqlalchemy import ColumnElement, Connection, select, update

from winnow.contract.problems import Reason
from winnow.db.clock import now
from winnow.db.tables import units
from winnow.db.types import AnyRow
from winnow.jobs import attempts
from winnow.jobs.lease import NO_CHECKPOINT, Claim, held, unit_of
from winnow.jobs.tell import job_error, tell_jobs

MOST_LOSSES = 3
BACKOFF_SECONDS = 1.0


def lose_expired(conn: Connection) -> int:
    """Take back units whose lease has run out, each counted as a loss; returns how many.

    1. Lock them by key; one that somebody writes to at this moment is skipped.
    2. For each: a third loss in a row without a new checkpoint fails it as `suspected_poison`, and its jobs are told;
       else it is ready again, a little later each time; cancelled where no live job wants it.
    3. The attempt's end.
    """
    return _lose(conn, units.c.lease_until < now(), "The lease ran out.", skip_locked=True)


def take_back(conn: Connection, worker: str) -> int:
    """Take back, by the same steps, all that a worker held which is known to be dead."""
    return _lose(conn, units.c.worker == worker, f"Worker {worker} was started again.", skip_locked=False)


def lose(conn: Connection, claim: Claim, detail: str) -> bool:
    """Count an attempt whose runner died as a loss, by the same steps; False where the lease is lost already."""
    return _lose(conn, held(claim), detail, skip_locked=False) == 1


def _lose(conn: Connection, which: ColumnElement[bool], detail: str, *, skip_locked: bool) -> int:
    lost = conn.execute(
        select(units.c.tenant, units.c.key, units.c.attempt, units.c.losses, units.c.wanted)
        .where(units.c.state == "running", which)
        .order_by(units.c.key)
        .with_for_update(skip_locked=skip_locked)
    ).all()
    for row in lost:
        _lose_one(conn, row, detail)
    return len(lost)


def _lose_one(conn: Connection, row: AnyRow, detail: str) -> None:
    this = unit_of(row.tenant, row.key)
    losses = row.losses + 1
    attempts.end(conn, attempts.Try(row.tenant, row.key, row.attempt), "lost", Reason.WORKER_LOST, detail)
    if losses >= MOST_LOSSES:
        reason, said = (
            Reason.SUSPECTED_POISON,
            f"{losses} attempts in a row were lost. Look at the logs of the workers.",
        )
        end = {"state": "failed", "reason": reason, "detail": said, "finished_at": now(), **NO_CHECKPOINT}
        conn.execute(update(units).where(this).values(losses=losses, lease_until=None, **end))
        tell_jobs(conn, row.tenant, row.key, job_error(reason, said, row.key, row.attempt))
        return
    state = "ready" if row.wanted else "cancelled"
    later = now() + BACKOFF_SECONDS * 2 ** (losses - 1)
    again = {"state": state, "losses": losses, "not_before": later, "lease_until": None, "worker": None}
    conn.execute(update(units).where(this).values(**again))
