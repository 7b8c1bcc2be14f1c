"""Server-sent events as values (WHATWG HTML, section 9.2)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event of a job; `id` is its number, or None for one that is not kept (progress)."""

    name: str
    id: str | None
    data: dict[str, Any]


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines as the standard has them; `str.splitlines` would also break at U+2028, which JSON may hold."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()


def parse(text: Iterable[str]) -> Iterator[Event | None]:
    """Events from the lines of a stream; None for a comment, which says that the other side is alive.

    An event that broke off before its blank line is dropped, as the standard wants.
    """
    fields: dict[str, str] = {}
    for line in text:
        if line.startswith(":"):
            yield None
        elif line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields['data']}\n{value}" if name == "data" and "data" in fields else value
        else:
            if "data" in fields:
                yield Event(fields.get("event", "message"), fields.get("id"), json.loads(fields["data"]))
            fields = {}
