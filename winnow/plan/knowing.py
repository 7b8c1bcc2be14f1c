"""What a spec calls by name, looked up in what there is."""

from collections.abc import Mapping
from typing import TypeVar

from winnow.contract.hints import did_you_mean
from winnow.contract.problems import InvalidSpec

Entry = TypeVar("Entry")


def known(what: str, name: str, table: Mapping[str, Entry]) -> Entry:
    """The entry of that name. Raises InvalidSpec, with the closest name there is."""
    if name in table:
        return table[name]
    raise InvalidSpec(f"There is no {what} {name!r}. {did_you_mean(name, table)}")
