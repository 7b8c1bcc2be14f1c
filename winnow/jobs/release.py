"""Release: `running → ready`, or `running → cancelled` where nobody wants the unit any more."""

from sqlalchemy import Connection, case, update

from winnow.db.tables import units
from winnow.jobs import attempts
from winnow.jobs.lease import Claim, attempt_of, held


def release(conn: Connection, claim: Claim) -> bool:
    """Give a unit back without loss (shutdown, stop, no space, store away); False where the lease is lost.

    1. Behind the fence: ready for the next claim at once, its checkpoint kept; cancelled if no live job wants it. That
       is decided here, not when the worker was told to stop: a job may have come meanwhile that needs it.
    2. The attempt's end.
    """
    row = conn.execute(
        update(units)
        .where(held(claim))
        .values(state=case((units.c.wanted > 0, "ready"), else_="cancelled"), lease_until=None, worker=None)
        .returning(units.c.state)
    ).one_or_none()
    if row is None:
        return False
    ending: attempts.Ending = "released" if row.state == "ready" else "cancelled"
    attempts.end(conn, attempt_of(claim), ending)
    return True
