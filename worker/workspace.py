"""The runner's workspace: what the unit function sees of the slot on the other side of the pipe."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from winnow.artifact.atomic import write_atomically
from winnow.contract.results import Point
from winnow.lottery.workspace import Stop
from worker.protocol import Checkpoint, Do, Message, Progress, StopOrder

CHECKPOINT_SECONDS = 10.0
"""At epoch ends a checkpoint is kept when the last one is older than this."""


class ScratchWorkspace:
    """One unit in a scratch folder (`winnow.lottery.workspace.Workspace`).

    `stop_order` is asked at every progress; `say` sends a message to the slot.
    """

    def __init__(self, order: Do, stop_order: Callable[[], StopOrder | None], say: Callable[[Message], None]) -> None:
        self._order = order
        self._stop_order = stop_order
        self._say = say
        self._kept: list[Path] = [order.checkpoint] if order.checkpoint else []
        self._kept_at = time.monotonic()
        self._step = 0

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Files by `ROLE/NAME`, and `dataset` where it was uploaded."""
        return self._order.inputs

    @property
    def outputs(self) -> Path:
        """An empty folder."""
        return self._order.outputs

    def checkpoint(self, state: Callable[[], bytes], now: bool = False) -> None:
        """Keep what `state()` gives, at most every 10 s unless `now`, and tell the slot."""
        if not now and time.monotonic() < self._kept_at + CHECKPOINT_SECONDS:
            return
        path = self._order.checkpoints / f"checkpoint-{len(self._kept)}"
        write_atomically(path, [state()])
        self._say(Checkpoint(path=path, step=self._step))
        self._kept.append(path)
        self._kept_at = time.monotonic()
        for old in self._kept[:-2]:  # the slot may be storing the one before this at the moment
            old.unlink(missing_ok=True)

    def restore(self) -> bytes | None:
        """The checkpoint kept last, of this attempt or an earlier one."""
        return self._kept[-1].read_bytes() if self._kept else None

    def progress(self, done: int, of: int, point: Point | None = None) -> None:
        """Say how far it is, in steps; raises Stop where the slot has ordered it."""
        self._step = done
        self._say(Progress(done=done, of=of, point=point))
        if order := self._stop_order():
            raise Stop(order.checkpoint)
