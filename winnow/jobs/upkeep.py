"""What upkeep asks for: queues to ring, objects to delete. The rest is in `lose`, `settle` and `start`."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, case, delete, exists, or_, select, update

from winnow.db.clock import now
from winnow.db.tables import CLAIMABLE, datasets, files, objects, units
from winnow.jobs import workers
from winnow.jobs.lease import NO_CHECKPOINT, unit_of

RESOURCES = ("cpu", "gpu")
SUPERSEDED_SECONDS = 60.0
ORPHAN_SECONDS = 3600.0
ABANDONED_SECONDS = 7 * 86_400.0
DELETING_SECONDS = 300.0
"""How long objects belong to the round of upkeep that marked them: it must have ended with them in less."""
AT_ONCE = 100


def claimable(conn: Connection) -> list[str]:
    """The resources for which a unit is ready while a slot of a live worker is free: ring each, once."""
    idle = {worker.resource for worker in workers.live(conn) if worker.busy < worker.slots}
    waiting = {
        resource: exists().where(CLAIMABLE, units.c.resource == resource, units.c.not_before <= now())
        for resource in RESOURCES
    }
    return [resource for resource in RESOURCES if resource in idle and conn.scalar(select(waiting[resource]))]


class Marked(NamedTuple):
    """Objects that one round may delete, and no other one."""

    names: Sequence[str]
    at: float
    """When, by the database's clock: a later round that took them over has another time there."""


def forget_checkpoints(conn: Connection) -> int:
    """Let go of checkpoints older than a week of units that nobody wants; returns how many."""
    old = select(objects.c.sha256).where(objects.c.checkpoint, now() - objects.c.touched_at > ABANDONED_SECONDS)
    these = units.c.checkpoint_sha256.in_(old) & (units.c.state == "cancelled")
    some = select(units.c.tenant, units.c.key).where(these).order_by(units.c.key).limit(AT_ONCE)
    found = conn.execute(some.with_for_update(skip_locked=True, key_share=True)).all()
    for row in found:
        conn.execute(update(units).where(unit_of(row.tenant, row.key)).values(**NO_CHECKPOINT))
    return len(found)


def mark_stale_objects(conn: Connection) -> Marked:
    """Mark objects that nothing names any more as being deleted; a write transaction.

    A checkpoint that another has taken the place of goes a minute after it was touched, anything else an hour after:
    whoever touched it may be about to name it. What an earlier round marked and did not finish comes again, after so
    long that it deletes nothing any more: it might else delete what has been put anew. After the commit delete the
    objects, then `forget` them; until then `touch` refuses their names.
    """
    unnamed = ~or_(
        exists().where(files.c.sha256 == objects.c.sha256),
        exists().where(units.c.checkpoint_sha256 == objects.c.sha256),
        exists().where(datasets.c.object == objects.c.sha256),
    )
    age = now() - objects.c.touched_at
    patience = case(
        (objects.c.deleting.is_(True), DELETING_SECONDS),
        (objects.c.checkpoint.is_(True), SUPERSEDED_SECONDS),
        else_=ORPHAN_SECONDS,
    )
    some = select(objects.c.sha256).where(unnamed, age > patience).order_by(objects.c.touched_at).limit(AT_ONCE)
    names = list(conn.scalars(some.with_for_update(skip_locked=True)))
    at = conn.execute(select(now())).scalar_one()
    conn.execute(update(objects).where(objects.c.sha256.in_(names)).values(deleting=True, touched_at=at))
    return Marked(names, at)


def forget_objects(conn: Connection, marked: Marked) -> int:
    """Drop the rows of objects that were deleted, unless another round has come for them; returns how many."""
    these = (objects.c.sha256.in_(marked.names), objects.c.deleting.is_(True), objects.c.touched_at == marked.at)
    return conn.execute(delete(objects).where(*these)).rowcount
