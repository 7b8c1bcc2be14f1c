"""The CPU cores that the units of one worker share."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from winnow.jobs.lease import Claim


class Cores:
    """How many cores are free. One claim at a time, so that two slots never count on the same core."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._lock = threading.Lock()

    def claim(self, take: Callable[[int], Claim | None]) -> Claim | None:
        """What `take` claims for the cores that are free; they are taken until `give_back`."""
        with self._lock:
            claim = take(self._free)
            if claim is not None:
                self._free -= claim.unit.cores
            return claim

    @contextmanager
    def held(self, claim: Claim) -> Iterator[None]:
        """The cores of a claim, given back at the end."""
        try:
            yield
        finally:
            with self._lock:
                self._free += claim.unit.cores
