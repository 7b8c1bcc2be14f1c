"""A runner as its slot sees it: a process that takes orders and sends events."""

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil  # type: ignore[import-untyped]  # it ships no types
import structlog

from winnow.contract.datasets import MAX_DECODED
from winnow.contract.results import Point
from worker.protocol import Checkpoint, Done, Failed, Message, Progress, Ready, Stopped, decode, encode

CHECKOUT = Path(__file__).parents[1]
END_SECONDS = 2.0
LAST_WORDS = 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Died:
    """The runner's process has ended; nobody here killed it unless the slot did."""

    status: int
    last_words: str


RunnerEvent = Ready | Checkpoint | Done | Stopped | Failed | Died


@dataclass(frozen=True)
class Launch:
    """How runners are started; the same for all of a worker."""

    resource: Literal["cpu", "gpu"]
    environment: Mapping[str, str]
    file_bytes: int
    data_dir: Path | None = None
    resident_bytes: int = MAX_DECODED
    decoders: int = 1
    units: str = "winnow.lottery.units"
    gpus: tuple[str, ...] = ()
    gpus_a_slot: int = 0
    gpu_sharers: int = 1

    def command(self, threads: int) -> Sequence[str]:
        """The command line."""
        fixed = [sys.executable, "-m", "worker.runner", "--units", self.units, "--resource", self.resource]
        limits = ["--threads", str(threads), "--file-bytes", str(self.file_bytes)]
        limits += ["--gpu-sharers", str(self.gpu_sharers)]
        streaming = ["--resident-bytes", str(self.resident_bytes), "--decoders", str(self.decoders)]
        return [*fixed, *limits, *streaming, *(["--data-dir", str(self.data_dir)] if self.data_dir else [])]

    def seeing(self, slot: int | None) -> Mapping[str, str]:
        """The environment, with one slot's share of the GPUs; where there are more slots, they take them in turn."""
        if slot is None:
            return self.environment
        first = slot * self.gpus_a_slot % max(1, len(self.gpus))
        mine = self.gpus[first : first + self.gpus_a_slot]
        return {**self.environment, "CUDA_VISIBLE_DEVICES": ",".join(mine)}


@dataclass
class Advance:
    """How far the unit in a runner is, and the points that no heartbeat has carried yet."""

    share: float | None = None
    points: list[Point] = field(default_factory=list)


class Runner:
    """One child process. Its events, other than progress, go to whoever called `begin` last; the last one is `Died`."""

    def __init__(self, launch: Launch, threads: int, slot: int | None = None) -> None:
        self.launch = launch
        self.threads = threads
        self.tenant: str | None = None
        self.units = 0
        self.numerics: str | None = None
        self.heard_at = time.monotonic()
        self._advance = Advance()
        self._tell: Callable[[RunnerEvent], None] = _ignore
        self._died: Died | None = None
        self._lock = threading.Lock()
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self.process = subprocess.Popen(  # noqa: S603 - its own interpreter and module
            launch.command(threads),
            cwd=CHECKOUT,
            env=launch.seeing(slot),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._listener = threading.Thread(target=self._overhear, daemon=True)
        self._listener.start()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    @property
    def resident_bytes(self) -> int:
        """Memory that the process and those that it has started hold now; 0 once it has ended."""
        try:
            here = psutil.Process(self.process.pid)
            return sum(int(one.memory_info().rss) for one in (here, *here.children(recursive=True)))
        except psutil.NoSuchProcess:
            return 0

    def send(self, order: Message) -> None:
        """Give an order. That a runner does not take it is seen by its `Died`."""
        assert self.process.stdin is not None  # noqa: S101 - it was made with a pipe
        self.heard_at = time.monotonic()
        try:
            self.process.stdin.write(encode(order))
            self.process.stdin.flush()
        except BrokenPipeError:
            log.info("runner_took_no_order", pid=self.process.pid)

    def begin(self, tell: Callable[[RunnerEvent], None]) -> None:
        """Send events to `tell` from now on, and forget how far the last unit was."""
        with self._lock:
            self._advance = Advance()
            self._tell = tell
            if self.numerics is not None:  # it was ready, or gone, before anybody listened
                tell(Ready(numerics=self.numerics))
            if self._died:
                tell(self._died)

    def advance(self) -> tuple[float | None, tuple[Point, ...]]:
        """Share done of the unit, and points that were not `carried` yet."""
        with self._lock:
            return self._advance.share, tuple(self._advance.points)

    def carried(self, count: int) -> None:
        """Say that the first `count` points are written down."""
        with self._lock:
            del self._advance.points[:count]

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        self.process.kill()
        self.end()

    def end(self) -> None:
        """End it: its standard input is closed, and after 2 s it is killed."""
        assert self.process.stdin is not None  # noqa: S101 - it was made with a pipe
        with suppress(BrokenPipeError):  # it was gone already, with an order that it never read
            self.process.stdin.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(END_SECONDS)

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - it was made with a pipe
        for line in self.process.stdout:
            self.heard_at = time.monotonic()
            try:
                self._take_in(decode(line))
            except ValueError as error:
                log.error("runner_unreadable", pid=self.process.pid, error=str(error))
                self.process.kill()
        self.process.stdout.close()
        status = self.process.wait()
        self._listener.join(END_SECONDS)
        with self._lock:
            self._died = Died(status, "\n".join(self._last_words))
            self._tell(self._died)

    def _take_in(self, message: Message) -> None:
        match message:
            case Progress(done=done, of=of, point=point):
                with self._lock:
                    self._advance.share = done / of if of else None
                    if point is not None:
                        self._advance.points.append(point)
            case Ready(numerics=numerics):
                with self._lock:
                    self.numerics = numerics
                    self._tell(message)
            case Checkpoint() | Done() | Stopped() | Failed():
                self._tell(message)

    def _overhear(self) -> None:
        """Log what libraries print; the end of it explains a death."""
        assert self.process.stderr is not None  # noqa: S101 - it was made with a pipe
        for raw in self.process.stderr:
            line = raw.decode(errors="replace").rstrip()
            self._last_words.append(line)
            log.info("runner_said", pid=self.process.pid, line=line)
        self.process.stderr.close()


def _ignore(_event: RunnerEvent) -> None:
    """Before the first unit nobody listens."""
