"""Upkeep: makes good what was missed. Every worker does it; twice changes nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from winnow.contract.problems import Unavailable
from winnow.db.engine import Database
from winnow.jobs.lose import lose_expired
from winnow.jobs.settle import settle, unsettled
from winnow.jobs.start import missed_starts, started
from winnow.jobs.upkeep import Marked, claimable, forget_checkpoints, forget_objects, mark_stale_objects
from winnow.storage import Objects
from worker.heartbeat import BEAT_SECONDS

UPKEEP_SECONDS = 2.0
COLLECT_SECONDS = 30.0
DELETE_SECONDS = 60.0
"""For one batch of objects: far less than they are this round's, so that the last request has ended by then too."""
GRACE_SECONDS = 5 * BEAT_SECONDS
"""At the start, and after the database was away, or this machine, leases that ran out are left alone for so long."""

log = structlog.get_logger(__name__)


class Upkeep:
    """`round` by round; each step in transactions of its own."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        ring: Callable[[str], object],
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._database = database
        self._objects = objects
        self._ring = ring
        self._leases_from = time.monotonic() + grace_seconds  # it may have been started by the end of an outage
        self._collect_at = 0.0
        self._ended = time.time()

    def round(self) -> None:
        """Make good what was missed.

        1. Leases that ran out are losses. Not right after the database was away or this machine was suspended: no
           heartbeat came through, and those whose workers live are renewed in a moment.
        2. Jobs of which a unit runs are started; jobs that have not taken something in are settled.
        3. Claimable units and a free slot: ring, once per queue.
        4. Objects that nothing names any more are deleted.

        Raises Unavailable.
        """
        with self._noticing_gaps():
            if time.monotonic() >= self._leases_from:
                self._lose_expired()
            self._start_and_settle()
            with self._database.read() as conn:
                resources = claimable(conn)
        for resource in resources:
            self._ring(resource)
        if time.monotonic() >= self._collect_at:
            self._collect_at = time.monotonic() + COLLECT_SECONDS
            self._collect()

    @contextmanager
    def _noticing_gaps(self) -> Iterator[None]:
        if time.time() > self._ended + GRACE_SECONDS:  # the other clock may stand still while a machine is suspended
            self._leases_from = time.monotonic() + GRACE_SECONDS
        try:
            yield
        except Unavailable:
            self._leases_from = time.monotonic() + GRACE_SECONDS
            raise
        finally:
            self._ended = time.time()

    def _lose_expired(self) -> None:
        with self._database.write() as conn:
            lost = lose_expired(conn)
        if lost:
            log.warning("leases_expired", units=lost)

    def _start_and_settle(self) -> None:
        with self._database.read() as conn:
            queued, waiting = missed_starts(conn), unsettled(conn)
        for job_id in queued:
            with self._database.write() as conn:
                started(conn, job_id)
        for job_id in waiting:
            try:
                with self._database.write() as conn:
                    settle(conn, job_id)
            except Unavailable:
                raise
            except Exception:  # one job that cannot be settled must not stand in the way of all that came later
                log.exception("settle_failed", job=job_id)

    def _collect(self) -> None:
        until = time.time() + DELETE_SECONDS
        with self._database.write() as conn:
            forget_checkpoints(conn)
        with self._database.write() as conn:
            marked = mark_stale_objects(conn)
        gone: list[str] = []
        try:
            for name in marked.names:
                if time.time() < until:
                    self._objects.delete(name)
                    gone.append(name)
        finally:
            with self._database.write() as conn:
                forget_objects(conn, Marked(gone, marked.at))
        if gone:
            log.info("objects_collected", objects=len(gone))
