"""Worker processes for the acceptance tests, and the rows, objects and bell that they share."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
from sqlalchemy import select

from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.db.clock import now
from winnow.db.engine import Database
from winnow.db.tables import TENANT, attempts, files, job_units, jobs, units
from winnow.db.types import AnyRow
from winnow.jobs.cancel import cancel
from winnow.jobs.dispatch import bell, ring
from winnow.jobs.submit import submit
from winnow.plan import Known, Resolved, resolve_sent
from winnow.storage import Objects

CHECKOUT = Path(__file__).parents[2]
POLL_SECONDS = 0.05
UNDER_WAY_SECONDS = 0.3

T = TypeVar("T")


def eventually(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """What `look` finds, at last; AssertionError with `what` where it finds nothing in time."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(POLL_SECONDS)


@dataclass
class WorkerProcess:
    """One `python -m worker` in a process group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill_group(self) -> None:
        """SIGKILL for the worker and its runners at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill(self) -> None:
        """SIGKILL for the worker alone."""
        self.process.kill()
        self.process.wait()

    def signal_group(self, number: signal.Signals) -> None:
        """A signal for the worker and its runners at once, as Ctrl-C in a terminal sends it."""
        os.killpg(self.process.pid, number)

    def children(self) -> list[psutil.Process]:
        """Its runners."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def terminate(self, within: float) -> int:
        """SIGTERM; its exit status. AssertionError where it is still there after `within` seconds."""
        self.process.terminate()
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there {within} s after SIGTERM:\n{self.said()}") from None

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-5000:]


@dataclass
class Service:
    """Everything but the API: rows, objects, bell, and the workers started so far."""

    home: Path
    database_url: str
    storage_url: str
    broker_url: str
    extra: Mapping[str, str] = field(default_factory=dict)
    workers: list[WorkerProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the tables, as `make up` and `winnow serve` do."""
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "alembic", "upgrade", "head"]
        subprocess.run(command, cwd=CHECKOUT, env=self.environment("migrate"), check=True, capture_output=True)
        self.database = Database(self.database_url)
        self.bell = bell(self.broker_url)
        self.objects = Objects.open(
            self.storage_url,
            endpoint=self.extra.get("WINNOW_S3_ENDPOINT"),
            access_key=self.extra.get("WINNOW_S3_ACCESS_KEY"),
            secret_key=self.extra.get("WINNOW_S3_SECRET_KEY"),
        )

    def environment(self, name: str) -> dict[str, str]:
        """What a worker of that name is started with."""
        own = {
            "WINNOW_HOME": str(self.home),
            "WINNOW_DATABASE_URL": self.database_url,
            "WINNOW_STORAGE_URL": self.storage_url,
            "WINNOW_BROKER_URL": self.broker_url,
            "WINNOW_WORKER_NAME": name,
        }
        return {"PATH": os.environ["PATH"], **own, **self.extra}

    def start_worker(self, name: str = "one", slots: int = 1, cores: int = 1) -> WorkerProcess:
        """Start a worker; it is not waited for."""
        log = self.home / f"{name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "worker"],
                cwd=CHECKOUT,
                env={**self.environment(name), "WINNOW_SLOTS": str(slots), "WINNOW_CORES": str(max(cores, slots))},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.workers.append(WorkerProcess(process, log))
        return self.workers[-1]

    def submit(self, spec: Mapping[str, Any], source: tuple[Unit, ...] = ()) -> str:
        """Take a job in and ring, as the API does; `source`: the units behind the model that the spec names."""
        with self.database.write() as conn:
            job_id = submit(conn, tenant=TENANT, sent=dict(spec), resolved=resolved(spec, source))
        ring(self.bell, "cpu")
        return job_id

    def cancel(self, job_id: str) -> None:
        """Cancel a job, as the API does."""
        with self.database.write() as conn:
            cancel(conn, TENANT, job_id)

    def job(self, job_id: str) -> AnyRow:
        """A job's row."""
        return self._rows(select(jobs).where(jobs.c.id == job_id))[0]

    def units(self, job_id: str) -> list[AnyRow]:
        """Its units, in the order in which they were asked for."""
        on = (units.c.key == job_units.c.unit_key) & (job_units.c.job_id == job_id)
        return self._rows(select(units).join(job_units, on).order_by(units.c.number))

    def attempts(self, key: str | None = None) -> list[AnyRow]:
        """Every try so far, at one unit or at all."""
        query = select(attempts).order_by(attempts.c.started_at)
        return self._rows(query.where(attempts.c.unit_key == key) if key else query)

    def file_hashes(self, job_id: str) -> dict[tuple[str, str], str]:
        """(unit, file name) → SHA-256 of every file that the job's units left."""
        keys = select(job_units.c.unit_key).where(job_units.c.job_id == job_id)
        rows = self._rows(select(files).where(files.c.unit_key.in_(keys)))
        return {(row.unit_key, row.name): row.sha256 for row in rows}

    def under_way(self, job_id: str, level: int) -> AnyRow | None:
        """The unit of that level, once a warm runner has worked on it for a moment."""
        for row in self.units(job_id):
            if row.state == "running" and getattr(Unit.model_validate(row.unit).inputs, "depth", 0) == level:
                ages = select(now() - attempts.c.started_at).where(attempts.c.unit_key == row.key)
                if min(age for (age,) in self._rows(ages)) > UNDER_WAY_SECONDS:
                    return row
        return None

    def training(self, job_id: str, beyond: float = 0.0) -> AnyRow | None:
        """A unit of the job that is trained now, further on than that share of it."""
        found = (row for row in self.units(job_id) if row.state == "running" and row.progress > beyond)
        return next(found, None)

    def lost_attempts(self) -> int:
        """How many tries were losses."""
        return sum(row.ending == "lost" for row in self.attempts())

    def times_done(self) -> dict[str, int]:
        """Unit → how many tries ended in a result."""
        return Counter(row.unit_key for row in self.attempts() if row.ending == "done")

    def finished(self, job_id: str, seconds: float) -> AnyRow:
        """The job's row once it has succeeded; AssertionError where it ends otherwise, or not in time."""
        row = eventually(lambda: self._ended(job_id), seconds, f"the end of the job\n{self.said()}")
        assert row.state == "succeeded", f"{row.state}: {row.error}\n{self.said()}"
        return row

    def said(self) -> str:
        """The end of each worker's log."""
        return "\n".join(worker.said() for worker in self.workers)

    def close(self) -> None:
        """Kill what was started and is still there."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill_group()
        self.database.close()

    def _ended(self, job_id: str) -> AnyRow | None:
        row = self.job(job_id)
        return row if row.state in ("succeeded", "failed", "cancelled") else None

    def _rows(self, query: Any) -> list[AnyRow]:
        with self.database.read() as conn:
            return list(conn.execute(query).all())


def resolved(spec: Mapping[str, Any], source: tuple[Unit, ...] = ()) -> Resolved:
    """A spec on built-in data, as the API resolves it."""
    known = Known(dataset=DATASETS.__getitem__, model=lambda _: source, auto="cpu")
    return resolve_sent(spec, SPEC.validate_python, known)
