"""Trying again while the store, the database or the disk is away: the work is done, only its end cannot be written."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

import structlog

from winnow.contract.problems import Unavailable
from worker.events import Lost, ShutDown
from worker.scratch import is_full

FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Interrupted(Exception):
    """Something came that ends the waiting; `by` is the event."""

    def __init__(self, by: object) -> None:
        super().__init__(str(by))
        self.by = by


def until_it_works(action: Callable[[], T], events: SimpleQueue[object], ends: tuple[type, ...] = (Lost,)) -> T:
    """What `action` returns, at last. Raises Interrupted by an event that is one of `ends`, and other errors as is."""
    wait = FIRST_WAIT
    while True:
        try:
            return action()
        except Unavailable as away:
            detail = away.detail
        except OSError as error:
            if not is_full(error):
                raise
            detail = str(error)
        log.warning("trying_again", detail=detail, seconds=wait)
        _wait(events, wait, ends)
        wait = min(2 * wait, LONGEST_WAIT)


def _wait(events: SimpleQueue[object], seconds: float, ends: tuple[type, ...]) -> None:
    try:
        event = events.get(timeout=seconds)
    except Empty:
        return
    if isinstance(event, ends):
        raise Interrupted(event)


STOPPABLE = (Lost, ShutDown)
"""What ends the waiting for the store: a unit whose files cannot be stored is released when the worker ends."""
