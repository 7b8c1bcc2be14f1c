"""The curves of a job: one for each network and each value that was measured while it trained."""

import math
from collections.abc import Mapping, Sequence

from winnow.contract.resources import Curves, Series
from winnow.contract.results import Point, UnitResult
from winnow.plan import Place, Resolved, places


def curves(job: Resolved, results: Mapping[str, UnitResult], points: Mapping[str, Sequence[Point]]) -> Curves:
    """All curves by level, arm and replicate; `points` are those of each unit by key, in the order of their steps."""
    known = sorted(
        (place for place in places(job, results) if place.unit.key in points and place.arm != "stability"),
        key=lambda place: (place.level, place.arm, place.replicate),
    )
    return Curves(series=tuple(series for place in known for series in _series(place, points[place.unit.key])))


def _series(place: Place, points: Sequence[Point]) -> list[Series]:
    names = sorted({name for point in points for name in point.values})
    return [_one(place, name, [point for point in points if name in point.values]) for name in names]


def _one(place: Place, name: str, points: Sequence[Point]) -> Series:
    return Series(
        arm=place.arm,
        replicate=place.replicate,
        level=place.level,
        name=name,
        x=tuple(point.step for point in points),
        y=tuple(value if math.isfinite(value := point.values[name]) else None for point in points),
    )
