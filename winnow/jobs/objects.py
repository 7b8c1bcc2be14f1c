"""Rows of stored objects. A row is touched, in a committed transaction, before its object is put."""

from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from winnow.contract.problems import NotYet, Unavailable
from winnow.db.clock import now
from winnow.db.insert import insert_absent
from winnow.db.tables import TENANT, objects


def touch(conn: Connection, sha256: str, size: int) -> None:
    """Say that an object of `size` bytes is about to be put, so that nobody collects it before a row names it.

    Raises Unavailable while upkeep deletes an object of the same name: putting it again must wait for that.
    """
    row = {"sha256": sha256, "tenant": TENANT, "bytes": size, "checkpoint": False, "deleting": False}
    insert_absent(conn, objects, [row | {"touched_at": 0.0}])
    this = (objects.c.sha256 == sha256, objects.c.deleting.is_(False))
    if conn.execute(update(objects).where(*this).values(touched_at=now())).rowcount == 0:
        raise Unavailable(f"The object {sha256} is being deleted at this moment. Try again in a few seconds.")


def hold(conn: Connection, names: Iterable[str]) -> bool:
    """Keep objects for the rows that this transaction names them in; False where one is not there to be kept.

    Whoever touched them may have taken so long that upkeep has come for them meanwhile. Locked by name.
    """
    wanted = sorted(set(names))
    these = (objects.c.sha256.in_(wanted), objects.c.deleting.is_(False))
    query = select(objects.c.sha256).where(*these).order_by(objects.c.sha256).with_for_update(key_share=True)
    there = conn.scalars(query).all()
    conn.execute(update(objects).where(*these).values(touched_at=now()))
    return len(there) == len(wanted)


def still_kept(conn: Connection, names: Iterable[str]) -> None:
    """The same for what somebody has sent. Raises NotYet where it has to be sent again."""
    if not hold(conn, names):
        raise NotYet("Storing it took so long that it was given up meanwhile. Send it again.")
