"""What a spec calls by name, looked up in what there is."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from winnow.contract.problems import InvalidSpec

Entry = TypeVar("Entry")

MOST_NAMES = 30
"""Named in one message."""


def known(what: str, name: str, table: Mapping[str, Entry]) -> Entry:
    """The entry of that name. Raises InvalidSpec, with the closest name there is."""
    if name in table:
        return table[name]
    close = get_close_matches(name, table, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    more = f" and {len(table) - MOST_NAMES} more" if len(table) > MOST_NAMES else ""
    raise InvalidSpec(f"There is no {what} {name!r}. {guess}Known are: {', '.join(sorted(table)[:MOST_NAMES])}{more}.")
