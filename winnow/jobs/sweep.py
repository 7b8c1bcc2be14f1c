"""What a sweep asks for: queues to ring, objects to delete. The rest is in `lose`, `settle` and `start`."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, exists, or_, select, update

from winnow.db.clock import now
from winnow.db.tables import CLAIMABLE, datasets, files, objects, units
from winnow.jobs import workers

RESOURCES = ("cpu", "gpu")
CHECKPOINT_SECONDS = 60.0
ORPHAN_SECONDS = 3600.0
AT_ONCE = 100


def claimable(conn: Connection) -> list[str]:
    """The resources for which a unit is ready while a slot of a live worker is free: ring each, once."""
    idle = {worker.resource for worker in workers.live(conn) if worker.busy < worker.slots}
    waiting = {
        resource: exists().where(CLAIMABLE, units.c.resource == resource, units.c.not_before <= now())
        for resource in RESOURCES
    }
    return [resource for resource in RESOURCES if resource in idle and conn.scalar(select(waiting[resource]))]


def stale_objects(conn: Connection) -> list[str]:
    """Mark objects that nothing names any more as being deleted, and give their names; a write transaction.

    A checkpoint that another has taken the place of goes a minute after it was touched, anything else an hour after:
    whoever touched it may be about to name it. What an earlier sweep marked and did not finish comes again. After the
    commit delete the objects, then `forget` them; until then `touch` refuses their names.
    """
    unnamed = ~or_(
        exists().where(files.c.sha256 == objects.c.sha256),
        exists().where(units.c.checkpoint_sha256 == objects.c.sha256),
        exists().where(datasets.c.object == objects.c.sha256),
    )
    age = now() - objects.c.touched_at
    old = or_(age > ORPHAN_SECONDS, objects.c.checkpoint.is_(True) & (age > CHECKPOINT_SECONDS))
    some = select(objects.c.sha256).where(unnamed, old).order_by(objects.c.touched_at).limit(AT_ONCE)
    names = list(conn.scalars(some.with_for_update(skip_locked=True)))
    conn.execute(update(objects).where(objects.c.sha256.in_(names)).values(deleting=True))
    return names


def forget_objects(conn: Connection, names: Sequence[str]) -> int:
    """Drop the rows of objects that were deleted; returns how many."""
    gone = delete(objects).where(objects.c.sha256.in_(list(names)), objects.c.deleting.is_(True))
    return conn.execute(gone).rowcount
