"""Checkpoint: `running` stays `running`; the next attempt starts from here."""

from sqlalchemy import Connection, case, or_, select, update

from winnow.contract.problems import Unavailable
from winnow.contract.results import FileRef
from winnow.db.tables import objects, units
from winnow.jobs.lease import Claim, held
from winnow.jobs.objects import hold


def checkpoint(conn: Connection, claim: Claim, file: FileRef, step: int, numerics: str) -> bool:
    """Commit a checkpoint whose object is stored; False where the lease is lost.

    1. Lock the unit behind the fence, and hold the object.
    2. The new checkpoint takes the place of the last one. Losses in a row end where it is further on than that; after
       a change of numerics class nothing can be compared, so any counts.
    3. The object is known as a checkpoint from now on: upkeep deletes it once no unit names it.

    Raises Unavailable where the object was collected meanwhile: go on, and store another.
    """
    if conn.scalar(select(units.c.number).where(held(claim)).with_for_update()) is None:
        return False
    if not hold(conn, [file.sha256]):
        raise Unavailable(f"The checkpoint {file.sha256} is not in the store any more. The next one takes its place.")
    further = or_(
        units.c.checkpoint_step.is_(None), units.c.checkpoint_step < step, units.c.checkpoint_numerics != numerics
    )
    new = {"checkpoint_sha256": file.sha256, "checkpoint_bytes": file.bytes}
    new |= {"checkpoint_step": step, "checkpoint_numerics": numerics}
    conn.execute(update(units).where(held(claim)).values(losses=case((further, 0), else_=units.c.losses), **new))
    conn.execute(update(objects).where(objects.c.sha256 == file.sha256).values(checkpoint=True))
    return True
