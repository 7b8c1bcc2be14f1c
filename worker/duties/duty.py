"""A thread that does one thing again and again until the worker ends."""

import threading
from collections.abc import Callable

import structlog

from winnow.contract.problems import Unavailable

log = structlog.get_logger(__name__)


class Duty:
    """`act` every `seconds`; a database, store or broker that is away is tried again the next time."""

    def __init__(self, name: str, act: Callable[[], None], seconds: float) -> None:
        self._name = name
        self._act = act
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, with the first time at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is being done now is not waited for."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._act()
            except Unavailable as away:
                log.warning("duty_missed", duty=self._name, detail=away.detail)
            except Exception:
                # It may pass, and the other workers' upkeep goes on; silence would hide that this one's does not.
                log.exception("duty_failed", duty=self._name)
            self._over.wait(self._seconds)
