"""A worker's workplace with fake units, rows in a fresh database and objects in a folder."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.workplaces import Rows
from winnow.db.engine import Database
from winnow.db.tables import metadata
from winnow.storage import Objects
from worker.child import Launch, Runner
from worker.cores import Cores
from worker.scratch import Scratch
from worker.slot import Slot
from worker.workplace import Workplace


@pytest.fixture
def launch() -> Launch:
    """Runners of fake units."""
    return Launch(
        resource="cpu", environment={"PATH": os.environ["PATH"]}, file_bytes=1 << 20, units="tests.support.fake_units"
    )


@pytest.fixture
def start(launch: Launch) -> Iterator[Callable[..., Runner]]:
    """Starts runners that end with the test."""
    runners: list[Runner] = []

    def begin(threads: int = 1) -> Runner:
        runners.append(Runner(launch, threads))
        return runners[-1]

    yield begin
    for runner in runners:
        runner.kill()


@pytest.fixture
def rows(sqlite_database: str) -> Iterator[Rows]:
    """Tables. What slots ask of them is tested on both databases where it is made, and end to end."""
    database = Database(sqlite_database)
    with database.write() as conn:
        metadata.create_all(conn)
    yield Rows(database)
    database.close()


@pytest.fixture
def place(rows: Rows, tmp_path: Path, launch: Launch) -> Workplace:
    """A worker's parts; `rings` of `rows` remembers what was rung."""
    objects = Objects.open((tmp_path / "store").as_uri())
    made = Workplace(
        name="one",
        numerics="cpu-fake",
        database=rows.database,
        objects=objects,
        scratch=Scratch(tmp_path / "scratch", objects, 1 << 20),
        cores=Cores(1),
        launch=launch,
        ring=rows.rings.append,
        units_per_runner=100,
        stall_seconds=60.0,
        runner_memory_bytes=1 << 40,
    )
    rows.register(made, numerics="cpu-fake")
    return made


@pytest.fixture
def stopping() -> threading.Event:
    return threading.Event()


@pytest.fixture
def slot(place: Workplace, stopping: threading.Event) -> Iterator[Slot]:
    made = Slot(place, 0, stopping)
    yield made
    made.close()


@pytest.fixture
def background() -> Iterator[Callable[[Callable[[], None]], Future[None]]]:
    """Runs a slot beside the test; what goes wrong there fails the test that asks for the result."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit
