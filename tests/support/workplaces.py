"""Rows for tests of slots and duties: jobs whose units are fake, and what became of them."""

import json
from typing import Any

from sqlalchemy import select, update

from tests.support.fake_units import Behaviour
from tests.support.workers import resolved
from winnow.db.engine import Database
from winnow.db.tables import TENANT, attempts, jobs, units
from winnow.db.types import AnyRow
from winnow.jobs import workers
from winnow.jobs.submit import submit
from winnow.jobs.workers import Registration
from worker.workplace import Workplace


class Rows:
    """A database, and the rings that a worker gave."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.rings: list[str] = []

    def register(self, place: Workplace, numerics: str, slots: int = 1) -> None:
        """Write the worker into the registry."""
        row = Registration(place.name, f"run_{place.name}", "cpu", slots, 8, 0, numerics, "host", "process")
        with self.database.write() as conn:
            workers.register(conn, row)

    def submit(self, behaviour: Behaviour, tenant: str = TENANT, steps: int = 2000, threads: int = 1) -> str:
        """A train job of one unit that behaves so; with other `steps` it is another unit."""
        spec = {
            "kind": "train",
            "dataset": "digits",
            "model": "lenet_300_100",
            "train": {"steps": steps},
            "seed": int(behaviour),
            "threads": threads,
        }
        with self.database.write() as conn:
            return submit(conn, tenant=tenant, sent=spec, resolved=resolved(spec))

    def job(self, job_id: str) -> AnyRow:
        """A job's row."""
        return self._all(select(jobs).where(jobs.c.id == job_id))[0]

    def unit(self) -> AnyRow:
        """The row of the only unit."""
        (row,) = self._all(select(units))
        return row

    def units(self) -> list[AnyRow]:
        """All units, oldest first."""
        return self._all(select(units).order_by(units.c.number))

    def endings(self) -> list[str | None]:
        """How each try ended, in order."""
        return [row.ending for row in self._all(select(attempts).order_by(attempts.c.started_at))]

    def take_away(self) -> None:
        """Give every lease to somebody else, as upkeep and another worker would."""
        with self.database.write() as conn:
            conn.execute(update(units).values(attempt=units.c.attempt + 1, worker="another"))

    def forget_backoff(self) -> None:
        """Let units be claimed at once after a loss."""
        with self.database.write() as conn:
            conn.execute(update(units).values(not_before=0.0))

    def _all(self, query: Any) -> list[AnyRow]:
        with self.database.read() as conn:
            return list(conn.execute(query).all())


def told(place: Workplace, unit: AnyRow) -> dict[str, Any]:
    """What a fake unit left."""
    ref = unit.result["files"]["weights.safetensors"]
    found: dict[str, Any] = json.loads(b"".join(place.objects.stream(ref["sha256"])))
    return found
