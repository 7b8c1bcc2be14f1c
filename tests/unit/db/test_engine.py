"""Two kinds of transaction, and what a user hears when the database does not answer."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.servers import free_port
from winnow.contract.problems import Unavailable
from winnow.db.engine import Database, parse_url


@pytest.mark.parametrize(
    "given", ["postgresql://me:pw@db/w", "postgres://me:pw@db/w", "postgresql+psycopg://me:pw@db/w"]
)
def test_plain_postgres_urls_mean_psycopg(given: str) -> None:
    assert parse_url(given).render_as_string(hide_password=False) == "postgresql+psycopg://me:pw@db/w"


def test_sqlite_urls_stay() -> None:
    assert str(parse_url("sqlite:////some/winnow.db")) == "sqlite:////some/winnow.db"


@pytest.fixture
def database(sqlite_database: str):
    database = Database(sqlite_database)
    with database.write() as conn:
        conn.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        conn.execute(text("CREATE TABLE child (parent INTEGER REFERENCES parent(id))"))
    yield database
    database.close()


def test_sqlite_is_set_up_for_many_readers_and_one_patient_writer(database: Database) -> None:
    for transaction in (database.read, database.write):
        with transaction() as conn:
            assert conn.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert conn.execute(text("PRAGMA busy_timeout")).scalar() == 15_000
            assert conn.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_write_is_the_only_one_from_its_first_moment(database: Database) -> None:
    other = sqlite3.connect(database.url.database or "", timeout=0)
    with database.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_second_writer_waits_for_the_first(database: Database) -> None:
    began, done = threading.Event(), threading.Event()

    def second() -> None:
        began.set()
        with database.write() as conn:
            assert conn.execute(text("SELECT count(*) FROM parent")).scalar() == 1
        done.set()

    with database.write() as conn:
        waiting = threading.Thread(target=second)
        waiting.start()
        assert began.wait(10)
        conn.execute(text("INSERT INTO parent VALUES (1)"))
        assert not done.is_set()
    waiting.join(20)
    assert done.is_set()


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.write() as writing, database.read() as reading:
        writing.execute(text("INSERT INTO parent VALUES (1)"))
        assert reading.execute(text("SELECT count(*) FROM parent")).scalar() == 0


def test_broken_rules_are_no_outage(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as conn:
        conn.execute(text("INSERT INTO child VALUES (7)"))


def test_an_unreachable_server_is_unavailable_and_the_password_stays_secret() -> None:
    database = Database(f"postgresql://me:secret@127.0.0.1:{free_port()}/winnow")
    with pytest.raises(Unavailable, match="does not answer") as caught, database.write():
        pass
    assert "secret" not in caught.value.detail
    assert caught.value.status == 503


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="unable to open"), Database(f"sqlite:///{tmp_path}/no/winnow.db").read():
        pass
