"""Following jobs: one look at the database every few tenths of a second for all who listen, in two threads at most."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from app.jobs import queries
from winnow.contract.problems import Unavailable
from winnow.contract.resources import JobProgress
from winnow.db.engine import Database
from winnow.jobs.progress import progress

INTERVAL_SECONDS = 0.4
Found = TypeVar("Found")


@dataclass(frozen=True)
class Pulse:
    """What can change while a job is followed."""

    last_event: int
    progress: JobProgress


@dataclass
class Watch:
    """One followed job: the last pulse seen, and an event that is set when the next one comes."""

    pulse: Pulse
    listeners: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def beat(self, pulse: Pulse) -> None:
        """Wake the listeners where something is new."""
        if pulse != self.pulse:
            self.pulse = pulse
            self.wake()

    def wake(self) -> None:
        """Let all who wait look again."""
        self.changed.set()
        self.changed = asyncio.Event()


class Feed:
    """All followed jobs of one app. Its methods belong to the event loop's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="feed")
        self._watches: dict[str, Watch] = {}
        self._poll: asyncio.Task[None] | None = None
        self.closed = False

    async def read(self, query: Callable[[Connection], Found]) -> Found:
        """Run a query in one of the feed's own threads, so that listeners take none from requests."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, query)

    @asynccontextmanager
    async def watch(self, job_id: str) -> AsyncIterator[Watch]:
        """Follow a job that exists."""
        pulses = await self.read(lambda conn: _pulses(conn, [job_id]))
        watch = self._watches.setdefault(job_id, Watch(pulses[job_id]))
        watch.beat(pulses[job_id])
        watch.listeners += 1
        if self._poll is None:
            self._poll = asyncio.create_task(self._go_on())
        try:
            yield watch
        finally:
            watch.listeners -= 1
            if not watch.listeners:
                del self._watches[job_id]

    def close(self) -> None:
        """End all streams: each sees `closed` when it wakes."""
        self.closed = True
        for watch in self._watches.values():
            watch.wake()

    async def _go_on(self) -> None:
        try:
            while self._watches and not self.closed:
                await asyncio.sleep(INTERVAL_SECONDS)
                await self._look()
        finally:
            self._poll = None

    async def _look(self) -> None:
        followed = tuple(self._watches)
        try:
            pulses = await self.read(lambda conn: _pulses(conn, followed))
        except Unavailable as error:
            structlog.get_logger().warning("cannot follow jobs", detail=error.detail)
            return
        for job_id, pulse in pulses.items():
            if job_id in self._watches:
                self._watches[job_id].beat(pulse)

    def _read(self, query: Callable[[Connection], Found]) -> Found:
        with self._database.read() as conn:
            return query(conn)


def _pulses(conn: Connection, job_ids: Collection[str]) -> dict[str, Pulse]:
    return {row.id: Pulse(row.last_event, progress(conn, row)) for row in queries.moving(conn, job_ids)}
