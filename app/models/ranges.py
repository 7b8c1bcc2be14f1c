"""Conditional and partial answers (RFC 9110, sections 13 and 14) for bytes that never change under their ETag."""

import re
from typing import NamedTuple

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


class Span(NamedTuple):
    """The bytes from `start` up to but not including `end`."""

    start: int
    end: int


def not_modified(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller has these bytes already."""
    return if_none_match is not None and (if_none_match.strip() == "*" or etag in _tags(if_none_match))


def span(range_header: str | None, if_range: str | None, etag: str, size: int) -> Span | None:
    """The part that is asked for, None for the whole; one without bytes (start ≥ end) cannot be satisfied.

    Several ranges, other units and what cannot be read are answered with the whole, as RFC 9110, 14.2 allows; so is a
    range of other bytes than these, which `If-Range` tells.
    """
    if range_header is None or (if_range is not None and if_range.strip() != etag):
        return None
    match = _ONE_RANGE.fullmatch(range_header)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return Span(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return Span(int(first), min(size, int(last) + 1) if last else size)


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
