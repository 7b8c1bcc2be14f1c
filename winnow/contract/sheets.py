"""Rows for a sheet: a column for each field, and for each field that is swept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from winnow.contract.results import TableRow
from winnow.contract.values import canonical_json

FIELDS = tuple(name for name in TableRow.model_fields if name != "at")


def columns(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """The names: what is swept, by its path, then the fields of every table."""
    return *swept(row.at for row in rows), *FIELDS


def cells(row: TableRow) -> tuple[Any, ...]:
    """The row under these names."""
    return *values(row.at), *(getattr(row, name) for name in FIELDS)


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
