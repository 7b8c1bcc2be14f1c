"""The first process of a unit: it starts the others, and they end with it."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from winnow.contract.problems import Reason
from winnow.contract.units import Unit
from winnow.lottery.distributed.orders import Failure, Order
from winnow.lottery.distributed.ranks import Ranks, join, leave
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import ProcessLost, UnitFailed

LOOK_SECONDS = 0.05
LAST_WORDS_SECONDS = 5.0
STANDARD_ERROR = 2
PACKAGES = Path(__file__).parents[3]
"""The folder that holds this very library: where the others look for it."""


class _Other(NamedTuple):
    order: Order
    process: subprocess.Popen[bytes]


@contextmanager
def together(unit: Unit, inputs: Mapping[str, Path], scratch: Path, warm: Warm) -> Iterator[Ranks]:
    """All processes of a unit, for as long as this is entered, in a folder that is there for no longer either.

    Raises UnitFailed where there are too few GPUs or another process could not do its part, and ProcessLost where one
    is gone without a word.
    """
    device = _device(unit)
    shutil.rmtree(scratch, ignore_errors=True)  # of a try that was killed
    others: list[_Other] = []
    try:
        ranks = range(1, unit.processes)
        others.extend(_started(_order(unit, rank, inputs, scratch, warm)) for rank in ranks)
        # Until all have loaded their libraries, then their images: whoever waited in torch would not see that one died.
        _await(others, lambda other: other.order.ready)
        meet = partial(_await, others, lambda other: other.order.loaded)
        yield join(0, unit.processes, scratch / "store", device, meet)
        leave()  # while the others are there: NCCL may wait for those who are not
    except RuntimeError as broken:  # what torch says where another process does not answer any more
        if (why := _why(others)) is None:
            raise
        raise why from broken
    finally:
        for other in others:
            _end(other.process)
        if device.type == "cpu":  # what failed on GPUs leaves the group to the end of this process, which comes next
            leave()
        shutil.rmtree(scratch, ignore_errors=True)


def _device(unit: Unit) -> torch.device:
    if unit.inputs.resource == "cpu":
        return torch.device("cpu")
    if (found := torch.cuda.device_count()) < unit.processes:
        raise UnitFailed(
            Reason.OUT_OF_MEMORY,
            f"{unit.processes} processes want a GPU each, and {found} can be used here. Ask for fewer processes, or "
            "give the worker's slots more GPUs.",
        )
    return torch.device("cuda", 0)


def _order(unit: Unit, rank: int, inputs: Mapping[str, Path], scratch: Path, warm: Warm) -> Order:
    return Order(
        unit=unit,
        rank=rank,
        inputs={name: path.absolute() for name, path in inputs.items()},
        data_dir=warm.data_dir.absolute() if warm.data_dir else None,
        resident_bytes=warm.resident_bytes,
        decoders=-(-warm.decoders.count // unit.processes),  # on the cores that they share
        folder=scratch.absolute() / str(rank),
        store=scratch.absolute() / "store",
    )


def _started(order: Order) -> _Other:
    """Its environment is this one's, in which numerics were fixed before torch was imported."""
    order.outputs.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "winnow.lottery.distributed.other"],
        cwd=PACKAGES,
        stdin=subprocess.PIPE,
        stdout=STANDARD_ERROR,
    )
    assert process.stdin is not None  # noqa: S101 - it was made with a pipe
    with suppress(BrokenPipeError):  # it is gone already, which is seen when it is waited for
        process.stdin.write(order.model_dump_json().encode() + b"\n")
        process.stdin.flush()
    return _Other(order, process)


def _await(others: Sequence[_Other], sign: Callable[[_Other], Path], beat: Callable[[], None] = lambda: None) -> None:
    """Wait until each has left its sign. Raises UnitFailed and ProcessLost where one has ended on the way."""
    while not all(sign(other).exists() for other in others):
        beat()
        ended = any(other.process.poll() is not None for other in others)
        if ended and (why := _why(others)) is not None:
            raise why
        time.sleep(LOOK_SECONDS)


def _why(others: Sequence[_Other]) -> UnitFailed | ProcessLost | None:
    """What ended the work, if it was another process: the first that said why, else one that is gone without a word.

    Whoever loses its connection to another one goes without a word too, or calls that a bug: it comes after both.
    """
    deadline = time.monotonic() + LAST_WORDS_SECONDS
    while all(other.process.poll() is None for other in others) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    ended = [other for other in others if other.process.poll() is not None]
    told = [Failure.model_validate_json(one.order.failure.read_bytes()) for one in ended if one.order.failure.exists()]
    known = next((failure for failure in told if failure.reason is not Reason.BUG), None)
    silent = next((other for other in ended if not other.order.failure.exists()), None)
    if known is None and silent is not None:
        rank, status = silent.order.rank, silent.process.returncode
        return ProcessLost(f"Process {rank} of the unit's {len(others) + 1} ended with status {status}.")
    found = known or next(iter(told), None)
    return None if found is None else UnitFailed(found.reason, found.detail)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdin:
        with suppress(BrokenPipeError):
            process.stdin.close()
