"""Rows for a sheet: a column for each field, and for each field that is swept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from winnow.contract.resources import Series
from winnow.contract.rows import TableRow
from winnow.contract.values import canonical_json

FIELDS = tuple(name for name in TableRow.model_fields if name != "at")


def columns(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """The names: what is swept, by its path, then the fields of every table."""
    return *swept(row.at for row in rows), *FIELDS


def cells(row: TableRow) -> tuple[Any, ...]:
    """The row under these names."""
    return *values(row.at), *(getattr(row, name) for name in FIELDS)


def curve_columns(curves: Sequence[Series]) -> tuple[str, ...]:
    """The names of a sheet of curves."""
    return *swept(one.at for one in curves), "arm", "replicate", "level", "name", "x", "y", "unit"


def curve_cells(curves: Iterable[Series]) -> Iterator[tuple[Any, ...]]:
    """A row for each point of each curve, under these names."""
    for one in curves:
        for x, y in zip(one.x, one.y, strict=True):
            yield *values(one.at), one.arm, one.replicate, one.level, one.name, x, y, one.unit


def swept(points: Iterable[Mapping[str, Any] | None]) -> tuple[str, ...]:
    """The paths that are swept, in their order; none where nothing is."""
    for at in points:
        return tuple(at or ())
    return ()


def values(at: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """The values at one point; what is no number or text as JSON."""
    return tuple(
        value if isinstance(value, str | int | float) else canonical_json(value).decode()
        for value in (at or {}).values()
    )


def labels(points: Sequence[Mapping[str, Any] | None]) -> list[tuple[str, ...]]:
    """The values at each point as people read them: of those that have parts, the parts in which they differ.

    `{"job": {…, "model": "conv2"}}` beside `{"job": {…, "model": "conv4"}}` is `model conv2`. Where that would not tell
    them apart they stay whole.
    """
    columns = [_labels(column) for column in zip(*((at or {}).values() for at in points), strict=True)]
    return list(zip(*columns, strict=True)) if columns else [()] * len(points)


def _labels(column: Sequence[Any]) -> list[str]:
    whole = [canonical_json(value).decode() for value in column]
    parts = [dict(_leaves(value)) if isinstance(value, Mapping) else {(): _plain(value)} for value in column]
    having = {frozenset(one.items()) for one in parts if () not in one}
    same = frozenset.intersection(*having) if len(having) > 1 else frozenset()
    short = [
        ", ".join(_called(path, leaf) for path, leaf in own.items() if (path, leaf) not in same) or all_of_it
        for own, all_of_it in zip(parts, whole, strict=True)
    ]
    return short if len(set(short)) == len(set(whole)) else whole


def _called(path: Sequence[str], leaf: str) -> str:
    """A part under its name and that of the object it stands in, unless it is the name of a choice."""
    return " ".join((*(name for name in path[-2:] if name not in ("job", "name")), leaf))


def _leaves(value: Mapping[str, Any], *above: str) -> Iterator[tuple[Sequence[str], str]]:
    """What is no object itself, under its path."""
    for name, part in value.items():
        if isinstance(part, Mapping):
            yield from _leaves(part, *above, name)
        else:
            yield (*above, name), _plain(part)


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
