"""The registry of workers: who is there, under a name that no other live worker has."""

from dataclasses import dataclass, fields
from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from winnow.contract.problems import Conflict
from winnow.db.clock import now
from winnow.db.insert import insert_absent
from winnow.db.tables import TENANT, units, workers
from winnow.db.types import AnyRow
from winnow.jobs.lease import LEASE_SECONDS
from winnow.jobs.lose import take_back


@dataclass(frozen=True)
class Registration:
    """One run of a worker process."""

    name: str
    session: str
    """Names this run; `ids.new_id("run")` gives one."""
    resource: Literal["cpu", "gpu"]
    slots: int
    cores: int
    """Which its units may keep busy in all."""
    gpus_a_slot: int
    numerics: str
    host: str
    process: str
    """What names the process on its host for good, such as its id and start time: so that its end can be seen there."""


def register(conn: Connection, worker: Registration, *, dead: str | None = None) -> int:
    """Write a worker into the registry; returns how many leases of its predecessor were taken back, as losses.

    1. Lock the row of that name. A predecessor that was seen within a lease and has not said goodbye is taken to be
       alive, unless its session is the one that the caller knows to be `dead` (its process is gone from this host, or
       `last_seen` has not moved for several heartbeats).
    2. Put the new row in its place.
    3. Take back what the predecessor held.

    Raises Conflict where the name is taken.
    """
    before = find(conn, worker.name, lock=True)
    if before is not None and before.live and before.session not in (dead, worker.session):
        raise _taken(worker.name, before)
    if before is not None:
        conn.execute(delete(workers).where(workers.c.id == worker.name))
    row = {field.name: getattr(worker, field.name) for field in fields(worker) if field.name != "name"}
    row |= {"id": worker.name, "tenant": TENANT}
    # Where there was no row to lock there may be one by now: of a worker that began at the same moment.
    insert_absent(conn, workers, [row | {"registered_at": 0.0, "last_seen": 0.0}])
    if not _update_run(conn, worker.name, worker.session, workers.c.registered_at, workers.c.last_seen):
        raise _taken(worker.name, find(conn, worker.name))
    return take_back(conn, worker.name)


def _taken(name: str, by: AnyRow | None) -> Conflict:
    where = "" if by is None else f" on {by.host} (process {by.process})"
    return Conflict(f"A worker named {name!r} is alive{where}. Give this one another name, or end the other first.")


def find(conn: Connection, name: str, *, lock: bool = False) -> AnyRow | None:
    """The row of a worker, with `live`: whether it would keep its name."""
    query = select(workers, _live().label("live")).where(workers.c.id == name)
    return conn.execute(query.with_for_update() if lock else query).one_or_none()


def seen(conn: Connection, name: str, session: str) -> bool:
    """Say that a worker is alive; False where another run has taken its name: it must stop."""
    return _update_run(conn, name, session, workers.c.last_seen)


def gone(conn: Connection, name: str, session: str) -> bool:
    """Say goodbye, after everything was released: the name is free at once."""
    return _update_run(conn, name, session, workers.c.gone_at)


def live(conn: Connection) -> list[AnyRow]:
    """The live workers by name, each with `busy`: how many units it holds."""
    busy = select(func.count()).where(units.c.worker == workers.c.id, units.c.state == "running").scalar_subquery()
    return list(conn.execute(select(workers, busy.label("busy")).where(_live()).order_by(workers.c.id)).all())


def _live() -> ColumnElement[bool]:
    return and_(workers.c.gone_at.is_(None), workers.c.last_seen > now() - LEASE_SECONDS)


def _update_run(conn: Connection, name: str, session: str, *columns: ColumnElement[float]) -> bool:
    this_run = (workers.c.id == name, workers.c.session == session)
    return conn.execute(update(workers).where(*this_run).values(dict.fromkeys(columns, now()))).rowcount == 1
