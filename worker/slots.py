"""All slots of a worker: a ring wakes one, a stop reaches all."""

import threading
from collections.abc import Sequence

from worker.slot import Slot
from worker.workplace import Workplace


class Slots:
    """As many as the worker has; the one that worked last is taken first, as its runner is warm."""

    def __init__(self, place: Workplace, count: int) -> None:
        self._stopping = threading.Event()
        self._all: Sequence[Slot] = [Slot(place, number, self._stopping) for number in range(count)]
        self._idle = list(reversed(self._all))
        self._lock = threading.Lock()

    @property
    def first(self) -> Slot:
        """The slot that the first ring wakes."""
        return self._all[0]

    def ring(self) -> None:
        """Let an idle slot do units until there are none left; does nothing where all are at work."""
        with self._lock:
            slot = self._idle.pop() if self._idle else None
        if slot is None:
            return
        try:
            slot.work()
        finally:
            with self._lock:
                self._idle.append(slot)

    def stop(self) -> None:
        """Make every slot checkpoint and release what it does, and take no more."""
        self._stopping.set()
        for slot in self._all:
            slot.shut_down()

    def release_all(self) -> None:
        """Release whatever is still worked on, without waiting for anything else."""
        for slot in self._all:
            slot.release_now()

    def close(self) -> None:
        """End all runners, once nothing is worked on."""
        for slot in self._all:
            slot.close()
