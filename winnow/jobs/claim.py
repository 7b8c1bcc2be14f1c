"""Claim: `ready → running`."""

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from winnow.contract.results import FileRef
from winnow.contract.units import Unit
from winnow.db.clock import now
from winnow.db.tables import CLAIMABLE, files, units, workers
from winnow.db.types import AnyRow
from winnow.jobs import attempts
from winnow.jobs.lease import LEASE_SECONDS, Claim


class Room(NamedTuple):
    """What a slot has for its next unit."""

    resource: str
    cores: int
    gpus: int = 0


def claim(conn: Connection, *, worker: str, room: Room, lease_seconds: float = LEASE_SECONDS) -> Claim | None:
    """Take the best unit that is ready, wanted and fits; None where there is none.

    1. One statement on `units` alone, in the order of its index: attempt + 1, a lease by the database's clock. On
       Postgres, rows that another claim holds are skipped; on SQLite there is one writer.
    2. The attempt's row.
    3. What the runner needs: files of the parents, the checkpoint, the upload.
    """
    best = (
        select(units.c.number)
        .where(CLAIMABLE, units.c.resource == room.resource, units.c.not_before <= now())
        .where(units.c.threads <= room.cores, units.c.gpus <= room.gpus)
        .order_by(units.c.rank, units.c.number)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = conn.execute(
        update(units)
        .where(units.c.number == best)
        .values(state="running", attempt=units.c.attempt + 1, worker=worker, lease_until=now() + lease_seconds)
        .returning(units)
    ).one_or_none()
    if taken is None:
        return None
    attempts.begin(conn, attempts.Try(taken.tenant, taken.key, taken.attempt), worker)
    unit = Unit.model_validate(taken.unit)
    return Claim(
        unit=unit,
        tenant=taken.tenant,
        attempt=taken.attempt,
        worker=worker,
        lease_seconds=lease_seconds,
        checkpoint=_checkpoint(conn, taken, worker),
        parent_files=_parent_files(conn, taken.tenant, unit),
        uploads=unit.uploads,
    )


def _checkpoint(conn: Connection, taken: AnyRow, worker: str) -> FileRef | None:
    if taken.checkpoint_sha256 is None:
        return None
    numerics = conn.scalar(select(workers.c.numerics).where(workers.c.id == worker))
    if taken.checkpoint_numerics != numerics:
        return None
    return FileRef(sha256=taken.checkpoint_sha256, bytes=taken.checkpoint_bytes)


def _parent_files(conn: Connection, tenant: str, unit: Unit) -> dict[str, dict[str, FileRef]]:
    keys = set(unit.parents.values())
    found: dict[str, dict[str, FileRef]] = {key: {} for key in keys}
    if keys:
        for row in conn.execute(select(files).where(files.c.tenant == tenant, files.c.unit_key.in_(keys))):
            found[row.unit_key][row.name] = FileRef(sha256=row.sha256, bytes=row.bytes)
    return {role: found[key] for role, key in unit.parents.items()}
