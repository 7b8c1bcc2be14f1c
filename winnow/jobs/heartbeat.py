"""Heartbeat: `running` stays `running`; the lease is renewed, and the answer says whether to go on."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection, case, update

from winnow.contract.results import Point
from winnow.db.clock import now
from winnow.db.insert import insert_absent
from winnow.db.tables import unit_metrics, units
from winnow.jobs.lease import Claim, attempt_of, held


def heartbeat(
    conn: Connection, claim: Claim, progress: float | None, points: Sequence[Point]
) -> Literal["go", "stop", "lost"]:
    """Renew the lease of a claim, with its progress (share done, 0–1) and the points measured since the last one.

    1. Behind the fence: lease, and progress where it is higher than ever (a new attempt starts lower; what users see
       must not fall). `lost` where the fence does not hold: kill the runner, write nothing.
    2. The points; one that is there already stays.
    3. `stop` where nobody wants the unit any more; then `release` it.
    """
    share = min(max(progress or 0.0, 0.0), 1.0)
    row = conn.execute(
        update(units)
        .where(held(claim))
        .values(
            lease_until=now() + claim.lease_seconds,
            progress=case((units.c.progress < share, share), else_=units.c.progress),
        )
        .returning(units.c.wanted)
    ).one_or_none()
    if row is None:
        return "lost"
    keep_points(conn, claim, points)
    return "go" if row.wanted else "stop"


def keep_points(conn: Connection, claim: Claim, points: Sequence[Point]) -> None:
    """Store points of the attempt's curves; one that is there already stays."""
    this = attempt_of(claim)._asdict()
    insert_absent(conn, unit_metrics, [{**this, "step": point.step, "values": point.values} for point in points])
