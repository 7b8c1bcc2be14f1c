"""A sweep: one job over several values of some of its fields, every combination of them a point."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from winnow.contract.specs.paths import put
from winnow.contract.values import canonical_json

MOST_POINTS = 200
KEPT = ("kind", "resource", "sweep")
"""What all points of a sweep have in common."""

At = dict[str, Any]
"""Where a point is: the value of each field that is swept, by the field's path."""


def _can_be_crossed(sweep: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
    for path, values in sweep.items():
        if path.split(".")[0] in KEPT:
            raise ValueError(f"{path} is the same at all points: leave it out of the sweep")
        if len({canonical_json(value) for value in values}) != len(values):
            raise ValueError(f"name each value of {path} once")
    for one, other in product(sweep, repeat=2):
        if other.startswith(f"{one}."):
            raise ValueError(f"{other} is a part of {one}: sweep one of them, or give whole values of {one}")
    points = 1
    for values in sweep.values():
        points *= len(values)
    if points > MOST_POINTS:
        raise ValueError(f"these values make {points} points, and {MOST_POINTS} are the most in one job")
    return sweep


Path = Annotated[str, Field(pattern=r"^[a-z_]+(\.\w+)*$", max_length=200)]
Values = Annotated[tuple[Any, ...], Field(min_length=1)]
Sweep = Annotated[
    dict[Path, Values],
    Field(
        min_length=1,
        description="Values for fields, by path: `dataset.fraction`, `train.optimizer.lr`, `model`. Every combination "
        "is a point: a job of its own within this one, which shares with the others whatever they have in common.",
    ),
    AfterValidator(_can_be_crossed),
]


def points_of(sent: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[tuple[At, dict[str, Any]]]:
    """Each point of a spec as it was sent, the last field changing fastest, and the spec that it is by itself.

    `whole`: the same with defaults written out. Raises ValueError where a path leads nowhere: see `paths.put`.
    """
    alone = {name: value for name, value in sent.items() if name != "sweep"}
    sweep: Mapping[str, Sequence[Any]] = sent["sweep"]
    for values in product(*sweep.values()):
        at = dict(zip(sweep, values, strict=True))
        spec = alone
        for path, value in at.items():
            spec = put(spec, path.split("."), value, whole)
        yield at, spec
