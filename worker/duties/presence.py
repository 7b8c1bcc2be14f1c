"""Presence: the worker's row in the registry, under a name that no other live worker has."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types
import structlog

from winnow.contract.problems import Unavailable
from winnow.db.engine import Database
from winnow.db.types import AnyRow
from winnow.jobs import workers
from winnow.jobs.workers import Registration

SEEN_SECONDS = 2.0
SILENCE_SECONDS = 4 * SEEN_SECONDS
LOOK_SECONDS = 0.5

log = structlog.get_logger(__name__)


def host() -> str:
    """The machine since it started, and the process namespace: where a process id means what it means here.

    Names of machines are given twice, to copies of a virtual one say, and the first namespace has one number on all.
    """
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if not (boot.exists() and namespace.exists()):  # not Linux
        return socket.gethostname()
    return f"{socket.gethostname()} {boot.read_text().strip()} {namespace.readlink()}"


def process(pid: int) -> str:
    """What names a process here for good: its id and when it began. Raises ProcessLookupError."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():  # not Linux
        return f"{pid} {psutil.Process(pid).create_time()}" if psutil.pid_exists(pid) else _nobody(pid)
    # In ticks since the machine started: unlike psutil's time of day it stays as it is when the clock is set.
    fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else ["Z"]
    return _nobody(pid) if fields[0] == "Z" else f"{pid} {fields[19]}"


def _nobody(pid: int) -> str:
    raise ProcessLookupError(f"no process {pid}")


class Presence:
    """One run of a worker in the registry."""

    def __init__(
        self,
        database: Database,
        registration: Registration,
        on_replaced: Callable[[], None],
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._database = database
        self._silence_seconds = silence_seconds
        self._registration = registration
        self._on_replaced = on_replaced

    def register(self) -> None:
        """Take the name, and take back what a dead predecessor held.

        A predecessor on this host is dead if its process is gone; one elsewhere, if it has not been seen for as long
        as four of its looks: until then it is waited for. Raises Conflict where another worker lives under the name.
        """
        dead = self._dead_predecessor()
        with self._database.write() as conn:
            taken_back = workers.register(conn, self._registration, dead=dead)
        log.info("worker_registered", taken_back=taken_back)

    def seen(self) -> None:
        """Say that the worker is alive. Where another run has taken its name, it must stop."""
        with self._database.write() as conn:
            still_mine = workers.seen(conn, self._registration.name, self._registration.session)
        if not still_mine:
            log.error("worker_replaced", name=self._registration.name)
            self._on_replaced()

    def gone(self) -> None:
        """Say goodbye: the name is free at once. Where that cannot be said, it is free after a while."""
        try:
            with self._database.write() as conn:
                workers.gone(conn, self._registration.name, self._registration.session)
        except Unavailable as away:
            log.warning("goodbye_missed", detail=away.detail)

    def _dead_predecessor(self) -> str | None:
        before = self._find()
        if before is None or not before.live:
            return None
        if before.host == self._registration.host:
            return None if _runs(before.process) else str(before.session)
        return str(before.session) if self._keeps_silent(before) else None

    def _keeps_silent(self, before: AnyRow) -> bool:
        log.info("waiting_for_predecessor", host=before.host, seconds=self._silence_seconds)
        deadline = time.monotonic() + self._silence_seconds
        while time.monotonic() < deadline:
            now = self._find()
            if now is None or now.session != before.session or now.last_seen != before.last_seen:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _find(self) -> AnyRow | None:
        with self._database.read() as conn:
            return workers.find(conn, self._registration.name)


def _runs(named: str) -> bool:
    pid, _, _ = named.partition(" ")
    try:
        return process(int(pid)) == named
    except ProcessLookupError:
        return False
