"""One attempt at one unit: feed a runner, listen to it and to the worker, and say how it ended."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import structlog

from winnow.contract.problems import Reason
from winnow.contract.results import UnitResult
from worker.child import Died, Runner
from worker.events import Lost, ShutDown, Stalled, TooLarge, Unwanted
from worker.memory import oom_kills
from worker.protocol import Checkpoint, Do, Done, Failed, Ready, StopOrder, Stopped

STOP_SECONDS = 2.0
"""What a runner has for its last checkpoint before it is killed."""

ASKED_TO_END = (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Finished:
    """The unit is done; its files lie in this folder."""

    result: UnitResult
    outputs: Path


@dataclass(frozen=True)
class Broken:
    """The unit cannot be done, for a reason that lies in it."""

    reason: Reason
    detail: str


@dataclass(frozen=True)
class Crashed:
    """The runner is gone, and nobody knows why: a loss."""

    detail: str


@dataclass(frozen=True)
class GivenUp:
    """It was stopped, by no fault of the unit."""

    why: str
    pause: bool = False
    """Whether trying again at once would end the same way."""


@dataclass(frozen=True)
class Expired:
    """The lease is lost: nothing may be written."""


Outcome = Finished | Broken | Crashed | GivenUp | Expired


class Attempt:
    """A unit in a runner. What the runner says, and what else happens to the attempt, comes in by `events`."""

    def __init__(
        self,
        runner: Runner,
        numerics: str,
        events: SimpleQueue[object],
        keep_checkpoint: Callable[[Checkpoint], None],
    ) -> None:
        self._runner = runner
        self._numerics = numerics
        self._events = events
        self._keep_checkpoint = keep_checkpoint
        self._oom_kills = oom_kills()

    def begin(self, order: Do) -> None:
        """Feed the runner."""
        self._outputs = order.outputs
        self._runner.begin(self._events.put)
        self._runner.send(order)

    def wait(self) -> Outcome:
        """Wait for the end."""
        while True:
            event = self._events.get()
            outcome = self._not_up(event) or self._react(event)
            if outcome is not None:
                return outcome

    def _react(self, event: object) -> Outcome | None:  # noqa: PLR0911 - one line for each kind of event
        match event:
            case Ready():
                return None
            case Checkpoint():
                self._keep_checkpoint(event)
                return None
            case Done(result=result):
                return Finished(result, self._outputs)
            case Failed():
                return _failed(event)
            case Died():
                return self._died(event)
            case Unwanted():
                return self._stop("unwanted", checkpoint=False)
            case ShutDown():
                return self._stop("shutdown", checkpoint=True)
        self._runner.kill()
        return _killed(event)

    def _not_up(self, event: object) -> Outcome | None:
        """A runner that cannot load its libraries, or is not what the worker takes it for, is not the unit's fault."""
        match event:
            case Ready(numerics=numerics) if numerics != self._numerics:
                self._runner.kill()
                return GivenUp(f"the runner is {numerics}, the worker is registered as {self._numerics}", pause=True)
            case Failed(detail=detail) if self._runner.numerics is None:
                return GivenUp(f"the runner did not come up: {detail}", pause=True)
            case Died(status=status, last_words=said) if self._runner.numerics is None:
                return GivenUp(f"the runner did not come up, status {status}: {said}", pause=True)
        return None

    def _stop(self, why: str, *, checkpoint: bool) -> Outcome:
        """Give the runner 2 s to stop; what it says meanwhile still counts."""
        if self._runner.numerics is None:  # it is still loading libraries: nothing has begun, and it cannot hear
            self._runner.kill()
            return GivenUp(why)
        self._runner.send(StopOrder(checkpoint=checkpoint))
        deadline = time.monotonic() + STOP_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except Empty:
                break
            match event:
                case Stopped() | Died():
                    return GivenUp(why)
                case Checkpoint() | Done() | Failed() | Lost():
                    if outcome := self._react(event):
                        return outcome
        self._runner.kill()
        return GivenUp(why)

    def _died(self, died: Died) -> Outcome:
        if died.status in ASKED_TO_END:
            return GivenUp("runner asked to end")
        if died.status == -signal.SIGKILL and oom_kills() > self._oom_kills:
            return Broken(Reason.OUT_OF_MEMORY, "The machine ran out of memory, and the unit's process was killed.")
        log.warning("runner_died", pid=self._runner.process.pid, status=died.status, last_words=died.last_words)
        return Crashed(f"The runner ended with status {died.status}.")


def _failed(failed: Failed) -> Outcome:
    if failed.reason is Reason.NO_SPACE:
        return GivenUp("no space", pause=True)
    if failed.trace:
        log.error("unit_failed", reason=failed.reason, detail=failed.detail, trace=failed.trace)
    return Broken(failed.reason, failed.detail)


def _killed(event: object) -> Outcome:
    match event:
        case Stalled(seconds=seconds):
            return Crashed(f"The runner said nothing for {seconds:.0f} s and was killed.")
        case TooLarge(held=held, allowed=allowed):
            return Broken(Reason.OUT_OF_MEMORY, f"It held {held} bytes of memory, and may hold {allowed}.")
        case Lost():
            return Expired()
    raise TypeError(f"no event of an attempt: {event!r}")
