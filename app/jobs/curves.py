"""The curves of a job: one for each network and each value that was measured while it trained."""

import math
from collections.abc import Iterator, Mapping, Sequence

from winnow.contract.resources import Curves, Series
from winnow.contract.results import Point, UnitResult
from winnow.plan import Part, Place, Resolved, parts


def curves(job: Resolved, results: Mapping[str, UnitResult], measured: Mapping[str, Sequence[Point]]) -> Curves:
    """All curves by point of a sweep, level, arm and replicate; `measured` of each unit, in the order of its steps."""
    return Curves(series=tuple(one for part in parts(job, results) for one in _of_part(part, measured)))


def _of_part(part: Part, measured: Mapping[str, Sequence[Point]]) -> Iterator[Series]:
    known = [place for key, place in part.places.items() if key in measured and place.arm != "stability"]
    for place in sorted(known, key=lambda place: (place.level, place.arm, place.replicate)):
        for series in _series(place, measured[place.unit.key]):
            yield series if part.at is None else series.model_copy(update={"at": part.at})


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
        unit=place.unit.key,
    )
