"""Checkpoint: `running` stays `running`; the next attempt starts from here."""

from sqlalchemy import Connection, case, or_, update

from winnow.contract.results import FileRef
from winnow.db.tables import objects, units
from winnow.jobs.lease import Claim, held


def checkpoint(conn: Connection, claim: Claim, file: FileRef, step: int, numerics: str) -> bool:
    """Commit a checkpoint whose object is stored; False where the lease is lost.

    1. Behind the fence: the new checkpoint takes the place of the last one. Losses in a row end where it is further
       on than that; after a change of numerics class nothing can be compared, so any counts.
    2. The object is known as a checkpoint from now on: the sweep deletes it once no unit names it.
    """
    further = or_(
        units.c.checkpoint_step.is_(None), units.c.checkpoint_step < step, units.c.checkpoint_numerics != numerics
    )
    done = conn.execute(
        update(units)
        .where(held(claim))
        .values(
            losses=case((further, 0), else_=units.c.losses),
            checkpoint_sha256=file.sha256,
            checkpoint_bytes=file.bytes,
            checkpoint_step=step,
            checkpoint_numerics=numerics,
        )
    )
    if done.rowcount == 0:
        return False
    conn.execute(update(objects).where(objects.c.sha256 == file.sha256).values(checkpoint=True))
    return True
