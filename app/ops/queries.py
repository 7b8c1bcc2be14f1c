"""What the API counts for those who run the service."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from winnow.db.tables import jobs, units
from winnow.db.types import AnyRow
from winnow.jobs.workers import live


class Slots(NamedTuple):
    """The live workers of one resource."""

    workers: int
    slots: int
    busy: int


def jobs_by_state(conn: Connection) -> Sequence[AnyRow]:
    """State, count."""
    return conn.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state)).all()


def units_by_state(conn: Connection) -> Sequence[AnyRow]:
    """State, resource, count."""
    by = (units.c.state, units.c.resource)
    return conn.execute(select(*by, func.count()).group_by(*by)).all()


def live_workers(conn: Connection) -> Mapping[str, Slots]:
    """Resource → what there is of it."""
    found: dict[str, Slots] = {}
    for row in live(conn):
        before = found.get(row.resource, Slots(0, 0, 0))
        found[row.resource] = Slots(before.workers + 1, before.slots + row.slots, before.busy + row.busy)
    return found
