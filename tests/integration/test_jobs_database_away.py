"""Postgres goes away in the middle of the work and comes back: nothing is lost, nobody is blamed."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.driver import Driver, train, with_tables
from tests.support.servers import Postgres
from winnow.contract.problems import Unavailable


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A server of the test's own, that it may stop."""
    with tempfile.TemporaryDirectory(prefix="winnow-postgres-") as folder, Postgres(Path(folder)) as started:
        yield started


def test_work_goes_on_when_the_database_is_back(server: Postgres) -> None:
    with with_tables(server.url) as database:
        driver = Driver(database)
        driver.register()
        job_id = driver.submit(train())
        held = driver.take()
        server.stop()
        with pytest.raises(Unavailable, match="does not answer"):
            driver.heartbeat(held)
        with pytest.raises(Unavailable, match="does not answer"):
            driver.state(job_id)
        server.start()
        assert driver.heartbeat(held) == "go"
        driver.finish(held)
        assert driver.state(job_id) == "succeeded"
