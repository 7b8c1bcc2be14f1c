"""The databases of jobs: an SQLite file, as `winnow serve` uses it, and Postgres, as the service does."""

from collections.abc import Callable, Iterator

import pytest

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
