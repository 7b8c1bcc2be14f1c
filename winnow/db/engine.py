"""The database: two kinds of transaction, `read` and `write`, the same on SQLite and on Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from winnow.contract.problems import Unavailable

BUSY_SECONDS = 15
POSTGRES = {
    "connect_timeout": 10,
    # A server that is gone without a word (its machine died, a network was cut) is noticed in 20 seconds; by the
    # kernel's own limits it would be waited for up to two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
    # A lock is waited for as long as SQLite waits for its one writer; a client that is stopped in the middle of a
    # transaction must not keep its locks for ever.
    "options": f"-c lock_timeout={BUSY_SECONDS}s -c idle_in_transaction_session_timeout=60s",
}


class Database:
    """A database by URL (`sqlite:////path/winnow.db`, `postgresql://…`); safe to share between threads.

    Both context managers yield a connection inside one transaction, commit at their end, roll back on an exception,
    and raise Unavailable where the database does not answer, is locked too long, or ended the transaction itself.
    """

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self._writers = _engine(self.url)
        self._readers = self._writers.execution_options(**_reading(self.url))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of everything; what tries to write in it fails."""
        with _answering(self.url), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; on SQLite it is the only one from its first moment."""
        with _answering(self.url), self._writers.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._writers.dispose()


def parse_url(url: str) -> URL:
    """The URL with the driver that Winnow uses: plain `postgresql://` (or `postgres://`) means psycopg 3."""
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return create_engine(url, connect_args=POSTGRES, pool_pre_ping=True)
    engine = create_engine(url)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _reading(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "postgresql":
        return {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
    return {"winnow_reads": True}


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: it would begin deferred ones, which deadlock when they write.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("winnow_reads", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {int(reads)}")
    connection.exec_driver_sql("BEGIN DEFERRED" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _answering(url: URL) -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise _unavailable(url, error) from error
    except DBAPIError as error:
        # Away, locked too long, a deadlock that the database resolved: all pass. Broken rules and bad SQL do not.
        if not isinstance(error, OperationalError | InterfaceError) and not error.connection_invalidated:
            raise
        raise _unavailable(url, error.orig or error) from error


def _unavailable(url: URL, error: BaseException) -> Unavailable:
    where = url.render_as_string(hide_password=True)
    return Unavailable(
        f"The database {where} does not answer ({str(error).strip()}). Try again; look at it if it stays."
    )
