"""Child processes that are kept running: started again when they die, and gone when their parent is."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from winnow.parent import end_with_parent

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
HEALTHY_SECONDS = 30.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.1


@dataclass
class Child:
    """One process in a group of its own, its id in `pid_file` while it runs; it has `sockets` under their numbers."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    pid_file: Path
    sockets: Sequence[socket.socket] = ()
    process: subprocess.Popen[bytes] | None = None
    wait: float = FIRST_WAIT
    start_at: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Start it; what it prints goes to standard error."""
        self.process = subprocess.Popen(  # noqa: S603 - its own interpreter and modules
            self.command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            pass_fds=[each.fileno() for each in self.sockets],
            # Ctrl-C reaches the parent alone, which ends its children in order; and a group can be killed whole.
            start_new_session=True,
            preexec_fn=partial(end_with_parent, signal.SIGTERM),  # noqa: PLW1509 - the child only calls prctl between fork and exec
        )
        self.start_at = time.monotonic()
        self.pid_file.write_text(f"{self.process.pid}\n")

    def ended(self) -> int | None:
        """Its exit status once it has ended; None while it runs."""
        return self.process.poll() if self.process else None

    def ask_to_end(self) -> None:
        """Send SIGTERM to it alone: it ends its own children."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def clear_away(self) -> None:
        """Kill whatever is left of its group, and forget it."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):  # nothing is left of it
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        self.pid_file.unlink(missing_ok=True)


def keep_running(children: Sequence[Child], stopping: Callable[[], bool], say: Callable[[str], None]) -> None:
    """Start each child again when it dies, after a wait that doubles while it keeps dying, until `stopping`."""
    while not stopping():
        for child in children:
            look_after(child, say)
        time.sleep(LOOK_SECONDS)


def look_after(child: Child, say: Callable[[str], None]) -> None:
    """Start a child that is due to be, or note that one has died and when it starts again."""
    now = time.monotonic()
    if child.process is None:
        if now >= child.start_at:
            child.start()
        return
    status = child.ended()
    if status is None:
        return
    lived = now - child.start_at
    child.wait = FIRST_WAIT if lived > HEALTHY_SECONDS else min(2 * child.wait, LONGEST_WAIT)
    child.clear_away()
    child.start_at = now + child.wait
    say(f"the {child.name} ended ({_spoken(status)}); it starts again in {child.wait:g} s")


def end(children: Sequence[Child], hurry: Callable[[], bool]) -> None:
    """End all children: asked first, killed after 10 s, or at once where `hurry` says so."""
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + STOP_SECONDS
    while any(child.process and child.ended() is None for child in children):
        if hurry() or time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    for child in children:
        child.clear_away()


def _spoken(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
