"""The databases of jobs: an SQLite file, as `winnow serve` uses it, and Postgres, as the service does."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conformance.job_machine import JobMachine
from tests.conformance.job_store import JobStoreConformance
from tests.support.driver import empty, with_tables
from winnow.db.engine import Database


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with with_tables(f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'winnow.db'}") as database:
        yield database


@pytest.fixture(scope="module")
def postgres(new_database: Callable[[], str]) -> Iterator[Database]:
    with with_tables(new_database()) as database:
        yield database


class TestSqlite(JobStoreConformance):
    @pytest.fixture
    def database(self, sqlite: Database) -> Database:
        empty(sqlite)
        return sqlite


class TestPostgres(JobStoreConformance):
    @pytest.fixture
    def database(self, postgres: Database) -> Database:
        empty(postgres)
        return postgres


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
def test_any_order_of_transitions_keeps_the_rules(name: str, request: pytest.FixtureRequest) -> None:
    class Machine(JobMachine):
        database = request.getfixturevalue(name)

    run_state_machine_as_test(Machine, settings=steps())


def steps() -> settings:
    """A few hundred steps a database; `--hypothesis-profile=thorough` takes many times as many."""
    deep = settings.get_current_profile_name() == "thorough"
    return settings(
        max_examples=500 if deep else 12,
        stateful_step_count=60 if deep else 30,
        suppress_health_check=[HealthCheck.too_slow],  # a step is a dozen transactions
    )
