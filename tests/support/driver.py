"""The job protocol as a worker and the API drive it: a transaction for each transition, fabricated work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, delete, select, update

from tests.support.fabricated import DIGITS_LIKE, fabricated
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import Reason
from winnow.contract.results import FileRef, Point, UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.contract.values import sha256_hex
from winnow.db.engine import Database
from winnow.db.tables import TENANT, metadata, units
from winnow.db.types import AnyRow
from winnow.jobs import read, workers
from winnow.jobs.cancel import cancel
from winnow.jobs.checkpoint import checkpoint
from winnow.jobs.claim import Room, claim
from winnow.jobs.commit import commit
from winnow.jobs.fail import fail
from winnow.jobs.heartbeat import heartbeat
from winnow.jobs.lease import Claim
from winnow.jobs.lose import lose, lose_expired
from winnow.jobs.objects import touch
from winnow.jobs.release import release
from winnow.jobs.settle import jobs_of, settle, unsettled
from winnow.jobs.start import jobs_to_start, missed_starts, started
from winnow.jobs.submit import submit
from winnow.plan import Resolved, resolve

T = TypeVar("T")
NUMERICS = "cpu-test"
ANYTHING = Room("cpu", cores=64)


def train(**fields: Any) -> dict[str, Any]:
    """One unit."""
    return {"kind": "train", "dataset": "digits", "model": "lenet_300_100", **fields}


def prune(sparsity: float, *arms: str, replicates: int = 1, **fields: Any) -> dict[str, Any]:
    """Levels of 20 % each, with these control arms."""
    sent = {"kind": "prune", "dataset": "digits", "model": "lenet_300_100", "target": {"sparsity": sparsity}}
    return {**sent, "arms": ["ticket", *arms], "replicates": replicates, **fields}


def resolved(
    sent: dict[str, Any], resource: Literal["cpu", "gpu"] = "cpu", data: DatasetFacts = DIGITS_LIKE
) -> Resolved:
    """A spec on ten classes of 180 images."""
    return resolve(SPEC.validate_python(sent), data, resource)


@contextmanager
def with_tables(url: str) -> Iterator[Database]:
    """An empty database with all tables."""
    database = Database(url)
    with database.write() as conn:
        metadata.create_all(conn)
    yield database
    database.close()


def empty(database: Database) -> None:
    """Drop every row."""
    with database.write() as conn:
        for table in reversed(metadata.sorted_tables):
            conn.execute(delete(table))


class Driver:
    """Hands on a database; remembers the results that it committed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.results: dict[str, UnitResult] = {}

    def write(self, transition: Callable[..., T], *args: Any, **named: Any) -> T:
        """One transition in a transaction of its own."""
        with self.database.write() as conn:
            return transition(conn, *args, **named)

    def read(self, query: Callable[..., T], *args: Any, **named: Any) -> T:
        """One query in a transaction that cannot write."""
        with self.database.read() as conn:
            return query(conn, *args, **named)

    def register(self, name: str = "one", numerics: str = NUMERICS, **fields: Any) -> int:
        """Put a worker into the registry."""
        dead = fields.pop("dead", None)
        machine = {"slots": 1, "cores": 8, "gpus_a_slot": 0, "host": "here", "process": "1 at 0"}
        of = {"session": f"run of {name}", "resource": "cpu"} | machine | fields
        return self.write(workers.register, workers.Registration(name=name, numerics=numerics, **of), dead=dead)

    def submit(
        self,
        sent: dict[str, Any],
        key: str | None = None,
        resource: Literal["cpu", "gpu"] = "cpu",
        data: DatasetFacts = DIGITS_LIKE,
    ) -> str:
        """A job, by its spec."""
        job = resolved(sent, resource, data)
        return self.write(submit, tenant=TENANT, sent=sent, resolved=job, idempotency_key=key)

    def claim(self, worker: str = "one", room: Room = ANYTHING, lease_seconds: float = 30.0) -> Claim | None:
        """Claim, and nothing after."""
        return self.write(claim, worker=worker, room=room, lease_seconds=lease_seconds)

    def take(self, worker: str = "one") -> Claim:
        """Claim something that must be there, and start its jobs."""
        found = self.claim(worker)
        assert found is not None, "nothing is claimable"
        self.start(found)
        return found

    def start(self, held: Claim) -> None:
        """What follows a claim."""
        for job_id in self.read(jobs_to_start, held):
            self.write(started, job_id)

    def result(self, unit: Unit, **changes: Any) -> UnitResult:
        """What a unit comes to: always the same."""
        score = 330 + int(unit.key[:2], 16) % 20
        parents = {key: UnitResult.model_validate(self.unit(key).result) for key in set(unit.parents.values())}
        made = fabricated(unit, parents, test=score)
        files = {"weights.safetensors": FileRef(sha256=sha256_hex(unit.key.encode()), bytes=len(unit.key))}
        return made.model_copy(update={"files": files, "curve": (Point(step=9, values={"loss": 0.5}),), **changes})

    def commit(self, held: Claim, **changes: Any) -> bool:
        """Store the files and commit the result, whose jobs are not settled yet."""
        made = self.result(held.unit, **changes)
        for file in sorted(made.files.values(), key=lambda file: file.sha256):
            self.write(touch, file.sha256, file.bytes)
        done = self.write(commit, held, made)
        if done:
            self.results[held.unit.key] = made
        return done

    def finish(self, held: Claim, **changes: Any) -> None:
        """Commit and settle, as a slot does."""
        assert self.commit(held, **changes)
        self.settle(held)

    def settle(self, held: Claim) -> None:
        """Settle the jobs of a unit that has ended."""
        for job_id in self.read(jobs_of, held):
            self.write(settle, job_id)

    def checkpoint(self, held: Claim, step: int, numerics: str = NUMERICS) -> bool:
        """Store and commit a checkpoint."""
        file = FileRef(sha256=sha256_hex(f"{held.unit.key} {step} {numerics}".encode()), bytes=3)
        self.write(touch, file.sha256, file.bytes)
        return self.write(checkpoint, held, file, step, numerics)

    def heartbeat(self, held: Claim, share: float | None = None, *points: Point) -> str:
        """Renew the lease."""
        return self.write(heartbeat, held, share, points)

    def fail(self, held: Claim, reason: Reason = Reason.BUG, detail: str = "it broke") -> bool:
        """End a unit that cannot be done."""
        return self.write(fail, held, reason, detail)

    def release(self, held: Claim) -> bool:
        """Give a unit back."""
        return self.write(release, held)

    def cancel(self, job_id: str) -> str:
        """Cancel a job."""
        return self.write(cancel, TENANT, job_id)

    def crash(self, held: Claim) -> bool:
        """Say that the runner died."""
        return self.write(lose, held, "the runner died")

    def lose(self, *held: Claim) -> int:
        """Let leases run out, and make good what was missed."""
        for one in held:
            self.set_unit(one.unit.key, lease_until=0.0)
        return self.write(lose_expired)

    def upkeep(self) -> None:
        """What a worker does every two seconds, bell and objects aside."""
        self.write(lose_expired)
        for job_id in self.read(missed_starts):
            self.write(started, job_id)
        for job_id in self.read(unsettled):
            self.write(settle, job_id)

    def work(self, worker: str = "one", at_most: int = 1000) -> int:
        """Do what is claimable; returns how many units that were."""
        for done in range(at_most):
            held = self.claim(worker)
            if held is None:
                return done
            self.start(held)
            self.finish(held)
        return at_most

    def job(self, job_id: str) -> AnyRow:
        """The row of a job."""
        return self.read(read.job, TENANT, job_id)

    def state(self, job_id: str) -> str:
        """The state of a job."""
        return str(self.job(job_id).state)

    def unit(self, key: str) -> AnyRow:
        """The row of a unit."""
        return self.read(lambda conn: conn.execute(select(units).where(units.c.key == key)).one())

    def set_unit(self, key: str, **values: Any) -> None:
        """Do to a row what only time does."""
        with self.database.write() as conn:
            conn.execute(update(units).where(units.c.key == key).values(**values))

    def no_backoff(self) -> None:
        """Let the time pass that a lost unit waits."""
        with self.database.write() as conn:
            conn.execute(update(units).values(not_before=0.0))

    def all(self, query: Any) -> list[AnyRow]:
        """Every row of a query."""
        return list(self.read(lambda conn: _all(conn, query)))


def _all(conn: Connection, query: Any) -> list[AnyRow]:
    return list(conn.execute(query).all())
