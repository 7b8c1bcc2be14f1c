"""Lists: a page at a time, newest first, with an opaque cursor."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query

from app.bodies import storable
from winnow.contract.problems import FieldError, InvalidSpec
from winnow.contract.resources import Page

Limit = Annotated[int, Query(ge=1, le=200, description="Most items in the answer.")]
Cursor = Annotated[
    str | None, Query(max_length=400, description="`next` of the page before; without it, the first page.")
]
DEFAULT_LIMIT = 50
LARGEST = 2**53
"""Databases and JSON alike have all whole numbers below it."""

Row = TypeVar("Row")
Item = TypeVar("Item")


def page(rows: Sequence[Row], limit: int, item: Callable[[Row], Item], place: Callable[[Row], list[Any]]) -> Page[Item]:
    """A page of `rows`, of which one more than `limit` was asked for: that one says whether there is a next page."""
    shown = rows[:limit]
    following = encode(place(shown[-1])) if len(rows) > limit else None
    return Page[Any](items=tuple(item(row) for row in shown), next=following)


def encode(place: list[Any]) -> str:
    """A place in a list as a cursor."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def decode(cursor: str | None, *kinds: type) -> list[Any] | None:
    """The place that a cursor names: values of these kinds. Raises InvalidSpec for what no list here has given out."""
    if cursor is None:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        place = None
    if not isinstance(place, list) or [type(value) for value in place] != list(kinds) or not all(map(_asked, place)):
        wrong = FieldError(loc=("query", "cursor"), msg="this is no cursor of this list", hint="Send `next` unchanged.")
        raise InvalidSpec(
            "cursor: this is no cursor of this list. Send `next` of the page before, unchanged.", (wrong,)
        )
    return place


def _asked(value: float | str) -> bool:
    """Whether a database can be asked for it."""
    return storable(value) if isinstance(value, str) else abs(value) < LARGEST
