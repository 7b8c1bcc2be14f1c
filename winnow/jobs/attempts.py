"""The rows that remember every try at a unit and how it ended."""

from typing import Literal, NamedTuple

from sqlalchemy import Connection, insert, update

from winnow.contract.problems import Reason
from winnow.db.clock import now
from winnow.db.tables import attempts

Ending = Literal["done", "failed", "lost", "released", "cancelled"]


class Try(NamedTuple):
    """One attempt at one unit."""

    tenant: str
    unit_key: str
    attempt: int


def begin(conn: Connection, this: Try, worker: str) -> None:
    """Write down that a try has begun."""
    conn.execute(insert(attempts).values(**this._asdict(), worker=worker, started_at=now()))


def end(conn: Connection, this: Try, ending: Ending, reason: Reason | None = None, detail: str | None = None) -> None:
    """Write down how a try has ended."""
    row = tuple(attempts.c[name] == value for name, value in this._asdict().items())
    conn.execute(update(attempts).where(*row).values(ended_at=now(), ending=ending, reason=reason, detail=detail))
