"""The child process: torch lives here, credentials do not.

`python -m worker.runner` reads orders on standard input and answers on a private copy of standard output, one JSON
object a line (`worker.protocol`); whatever libraries print goes to standard error. It limits itself before it imports
torch, and it ends when its standard input ends, in the middle of a training too.
"""

import argparse
import errno
import importlib
import os
import queue
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, Protocol

from winnow.contract.problems import Reason, WinnowError
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.numerics import environment, share_gpu
from winnow.lottery.workspace import ProcessLost, Stop, UnitFailed, Workspace
from winnow.parent import end_with_parent
from worker.protocol import Do, Done, Failed, Message, Ready, StopOrder, Stopped, decode, encode
from worker.workspace import ScratchWorkspace

UNITS = "winnow.lottery.units"
OPEN_FILES = 1024


class Units(Protocol):
    """The module that does units; tests bring a small one of their own."""

    Warm: Callable[[Path | None, int, int], Any]

    def settle(self, threads: int, resource: str) -> str:
        """Fix numerics; returns their class."""

    def run(self, unit: Unit, workspace: Workspace, warm: Any) -> UnitResult:
        """Do a unit."""


def main() -> NoReturn:
    """Do units until standard input ends."""
    options = _options(sys.argv[1:])
    say = Voice(_private_stdout())
    _limit(options.file_bytes)
    _heed_the_slot_alone()
    orders = Orders(sys.stdin.buffer)
    os.environ.update(environment(options.threads))
    units: Units = importlib.import_module(options.units)  # a module that keeps to Units
    try:
        numerics = units.settle(options.threads, options.resource)
        if options.gpu_sharers > 1:
            share_gpu(options.gpu_sharers)
        say(Ready(numerics=numerics))
    except WinnowError as refused:
        say(Failed(reason=Reason.BUG, detail=refused.detail))
        sys.exit(1)
    warm = units.Warm(options.data_dir, options.resident_bytes, options.decoders)
    while True:
        order = orders.next()
        try:
            say(do(units, order, ScratchWorkspace(order, orders.stop_order, say), warm))
        except ProcessLost:
            traceback.print_exc()
            os._exit(1)  # as if it were gone too: a loss, and at once, as a thread waits for standard input


def do(units: Units, order: Do, workspace: Workspace, warm: Any) -> Message:
    """One unit, and how it ended. Raises ProcessLost, after which this process has to end: the slot counts a loss."""
    try:
        return Done(result=units.run(order.unit, workspace, warm))
    except ProcessLost:
        raise
    except Stop:
        return Stopped()
    except UnitFailed as failed:
        return Failed(reason=failed.reason, detail=failed.detail)
    except MemoryError:
        return Failed(reason=Reason.OUT_OF_MEMORY, detail="The unit needs more memory than there is.")
    except Exception as error:  # whatever a unit raises is its outcome, told to the slot
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Failed(reason=Reason.NO_SPACE, detail="No space is left for the unit's files.")
        said = traceback.format_exc()
        return Failed(reason=Reason.BUG, detail=f"{type(error).__name__}: {error}", trace=said)


class Voice:
    """Sends messages to the slot, whole lines only."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def __call__(self, message: Message) -> None:
        """Send one message."""
        self._out.write(encode(message))
        self._out.flush()


class Orders:
    """Reads orders in a thread of its own, so that a stop and the end of the slot are noticed while a unit runs."""

    def __init__(self, lines: IO[bytes]) -> None:
        self._lines = lines
        self._units: queue.SimpleQueue[Do] = queue.SimpleQueue()
        self._stop: StopOrder | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> Do:
        """The next unit to do; waits for it."""
        return self._units.get()

    def stop_order(self) -> StopOrder | None:
        """The order to stop the unit that runs, if it came."""
        return self._stop

    def _read(self) -> None:
        for line in self._lines:
            match decode(line):
                case Do() as order:
                    self._stop = None
                    self._units.put(order)
                case StopOrder() as order:
                    self._stop = order
        os._exit(0)  # the slot is gone, so nobody wants what is being made; there is nothing to clean up


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worker.runner", description=__doc__)
    parser.add_argument("--units", default=UNITS, help="module that does units")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads of a unit")
    parser.add_argument("--resource", choices=("cpu", "gpu"), required=True)
    parser.add_argument("--gpu-sharers", type=int, default=1)
    parser.add_argument("--data-dir", type=Path, help="folder of data sets")
    parser.add_argument("--resident-bytes", type=int, required=True, help="larger folders of images are streamed")
    parser.add_argument("--decoders", type=int, required=True, help="processes that decode what is streamed")
    parser.add_argument("--file-bytes", type=int, required=True, help="largest file it may write")
    return parser.parse_args(arguments)


def _private_stdout() -> IO[bytes]:
    """Standard output under another number; what anything else prints there goes to standard error."""
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return private


def _limit(file_bytes: int) -> None:
    """Bounds for this process. Never RLIMIT_AS, which CUDA cannot live with: the slot watches resident memory."""
    for kind, most in (
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _heed_the_slot_alone() -> None:
    """Only the slot ends it, or the end of the slot's thread: signals to the whole group are not for it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()


if __name__ == "__main__":
    main()
