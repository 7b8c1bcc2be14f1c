"""The heartbeat of one claim: renews the lease from a thread of its own, from claim to final commit."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from winnow.contract.problems import Unavailable
from winnow.jobs.heartbeat import heartbeat
from winnow.jobs.lease import Claim
from worker.child import Runner
from worker.events import Lost, Stalled, TooLarge, Unwanted
from worker.workplace import Workplace

BEAT_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Heartbeat:
    """While it is entered, the lease lives, and the slot hears by `tell` what it must react to."""

    def __init__(self, place: Workplace, claim: Claim, tell: Callable[[object], None]) -> None:
        self._place = place
        self._claim = claim
        self._tell = tell
        self._runner: Runner | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._over.set()

    def watch(self, runner: Runner | None) -> None:
        """The runner that works on the claim now; its progress goes along, its silence and its memory are watched."""
        self._runner = runner

    def _beat_on(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            runner = self._runner
            try:
                self._look_at(runner)
            except Exception:  # the lease is renewed whether or not the machine can be looked at
                log.exception("look_failed", unit=self._claim.unit.key)
            try:
                said = self._beat(runner)
            except Unavailable as away:
                log.warning("heartbeat_missed", unit=self._claim.unit.key, detail=away.detail)
                continue
            except Exception:  # a thread that ended here would let the lease of good work run out
                log.exception("heartbeat_failed", unit=self._claim.unit.key)
                continue
            if said == "lost" and not self._over.is_set():
                self._tell(Lost())
                return
            if said == "stop":
                self._tell(Unwanted())

    def _beat(self, runner: Runner | None) -> str:
        share, points = runner.advance() if runner else (None, ())
        with self._place.database.write() as conn:
            said = heartbeat(conn, self._claim, share, points)
        if runner and said != "lost":
            runner.carried(len(points))
        return said

    def _look_at(self, runner: Runner | None) -> None:
        if runner is None:
            return
        if time.monotonic() > runner.heard_at + self._place.stall_seconds:
            self._tell(Stalled(self._place.stall_seconds))
        if (held := runner.resident_bytes) > self._place.runner_memory_bytes:
            self._tell(TooLarge(held, self._place.runner_memory_bytes))
