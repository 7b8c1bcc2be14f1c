"""A store and a database that can be away, and a disk that can be full."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from winnow.contract.problems import Unavailable
from winnow.contract.results import FileRef
from winnow.db.engine import Database
from winnow.storage import Objects
from worker.scratch import Desk, Scratch


class FlakyObjects(Objects):
    """Objects, of which some calls fail."""

    _puts = 0
    _fetches = 0

    def fail_next_puts(self, count: int, error: Exception | None = None) -> None:
        """Let so many puts fail: as if the store were away, unless another error is given."""
        self._puts = count
        self._error = error or Unavailable("The store is away.")

    def fail_next_fetches(self, count: int) -> None:
        """Let so many fetches fail."""
        self._fetches = count

    def put(self, path: Path) -> FileRef:
        """Put, or fail."""
        if self._puts:
            self._puts -= 1
            raise self._error
        return super().put(path)

    def fetch(self, sha256: str, to: Path) -> None:
        """Fetch, or fail."""
        if self._fetches:
            self._fetches -= 1
            raise Unavailable("The store is away.")
        super().fetch(sha256, to)


class FullScratch(Scratch):
    """Scratch space without room, until it `is_full` no longer."""

    is_full = True

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """A desk, or none."""
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        with super().desk() as desk:
            yield desk


class FlakyDatabase(Database):
    """A database that goes away after some transactions, until it comes back."""

    def __init__(self, real: Database) -> None:
        self._real = real
        self._writes_left: int | None = None
        self.refused = 0

    def away_from_write(self, number: int) -> None:
        """Be away from the `number`-th write on."""
        self._writes_left = number - 1

    def come_back(self) -> None:
        """Answer again."""
        self._writes_left = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read, or none."""
        self._refuse_if(self._writes_left == 0)
        with self._real.read() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write, or none."""
        self._refuse_if(self._writes_left == 0)
        if self._writes_left is not None:
            self._writes_left -= 1
        with self._real.write() as conn:
            yield conn

    def _refuse_if(self, away: bool) -> None:
        if away:
            self.refused += 1
            raise Unavailable("The database is away.")
