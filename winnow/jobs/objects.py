"""Rows of stored objects. A row is touched, in a committed transaction, before its object is put."""

from sqlalchemy import Connection, update

from winnow.contract.problems import Unavailable
from winnow.db.clock import now
from winnow.db.insert import insert_absent
from winnow.db.tables import TENANT, objects


def touch(conn: Connection, sha256: str, size: int) -> None:
    """Say that an object of `size` bytes is about to be put, so that nobody collects it before a row names it.

    Raises Unavailable while the sweep deletes an object of the same name: putting it again must wait for that.
    """
    row = {"sha256": sha256, "tenant": TENANT, "bytes": size, "checkpoint": False, "deleting": False}
    insert_absent(conn, objects, [row | {"touched_at": 0.0}])
    this = (objects.c.sha256 == sha256, objects.c.deleting.is_(False))
    if conn.execute(update(objects).where(*this).values(touched_at=now())).rowcount == 0:
        raise Unavailable(f"The object {sha256} is being deleted at this moment. Try again in a few seconds.")
