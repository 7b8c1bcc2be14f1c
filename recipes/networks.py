"""The last table of a page: a row for each arm of each level and point, and for what was done besides."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from winnow.cli.tables import ARMS
from winnow.contract.inputs import TransferInputs
from winnow.contract.results import TableRow, UnitResult
from winnow.contract.sheets import labels, swept
from winnow.contract.specs.jobs import PlaceArm
from winnow.plan import Part, Place, Resolved, parts, table

SCORES = {
    "train": "train_accuracy",
    "validation": "validation_accuracy",
    "test": "test_accuracy",
    "top 5": "test_top5_accuracy",
    "coarse": "test_coarse_accuracy",
}
TEXT = ("arm", "optimizer")
SCRATCH = "× scratch's speed"


class Row(NamedTuple):
    """The units of one arm at one level of a point that are done, and their time in seconds, features' included."""

    part: Part
    level: int
    arm: PlaceArm
    places: Sequence[Place]
    seconds: float

    def learnt(self) -> tuple[object, ...] | None:
        """The images of a training, and how often it sees them: only of the same can times be compared."""
        recipe = getattr(self.places[0].unit.inputs, "recipe", None)
        if recipe is None:
            return None
        return recipe.fingerprint, recipe.subset, recipe.fraction, recipe.size, recipe.batch_size, recipe.steps

    def from_scratch(self) -> bool:
        """Whether it is what a transfer is held against: everything trained, from fresh values."""
        of = self.places[0].unit.inputs
        return (
            isinstance(of, TransferInputs)
            and of.trainable is None
            and (of.begin.values, of.begin.mask) == ("random", None)
        )


def networks(job: Resolved, results: Mapping[str, UnitResult]) -> Iterator[str]:
    """Lines of Markdown; columns in which nothing would stand are left out."""
    found = [row for part in parts(job, results) for row in _rows(part, results)]
    scratch: dict[tuple[object, ...] | None, list[float]] = {}
    for row in found:
        if row.from_scratch():
            scratch.setdefault(row.learnt(), []).append(row.seconds)
    rows, called = table(job, results), labels([row.part.at for row in found])
    paths = swept(row.part.at for row in found)
    lines = [
        dict(zip(paths, name, strict=True))
        | _cells(row, [one for one in rows if _is_of(one, row)], scratch.get(row.learnt(), ()))
        for row, name in zip(found, called, strict=True)
    ]
    columns = [
        name for name in dict.fromkeys(name for line in lines for name in line) if any(line[name] for line in lines)
    ]
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "".join("---|" if name in (*paths, *TEXT) else "---:|" for name in columns)
    for line in lines:
        yield "| " + " | ".join(line[name] for name in columns) + " |"


def _rows(part: Part, results: Mapping[str, UnitResult]) -> Iterator[Row]:
    groups: dict[tuple[int, PlaceArm], list[Place]] = {}
    for key, place in part.places.items():
        if key in results:
            groups.setdefault((place.level, place.arm), []).append(place)
    for (level, arm), places in groups.items():
        yield Row(part, level, arm, places, fmean(_seconds(place, results) for place in places))


def _seconds(place: Place, results: Mapping[str, UnitResult]) -> float:
    made = getattr(place.unit.inputs, "features", None)
    return results[place.unit.key].seconds + (results[made].seconds if made else 0)


def _is_of(one: TableRow, row: Row) -> bool:
    return (one.at, one.level, one.arm) == (row.part.at, row.level, row.arm)


def _cells(row: Row, rows: Sequence[TableRow], scratch: Sequence[float]) -> dict[str, str]:
    recipe = getattr(row.places[0].unit.inputs, "recipe", None)
    optimizer = f"{recipe.optimizer.name} {recipe.optimizer.lr}" if rows and recipe else ""
    is_transfer = isinstance(row.places[0].unit.inputs, TransferInputs)
    return {
        "sparsity": f"{rows[0].sparsity:.2%}" if rows else "",
        "arm": ARMS.get(row.arm, row.arm),
        "optimizer": optimizer,
        "n": str(len(row.places)),
        **{name: _mean([getattr(one, score) for one in rows]) for name, score in SCORES.items()},
        "steps": str(rows[0].total_steps) if rows else "",
        "seconds": f"{row.seconds:.1f}",
        SCRATCH: f"{fmean(scratch) / row.seconds:.1f}" if scratch and is_transfer else "",
    }


def _mean(scores: Sequence[float | None]) -> str:
    found = [score for score in scores if score is not None]
    if not found:
        return ""
    spread = f" ± {100 * stdev(found):.2f}" if len(found) > 1 else ""
    return f"{100 * fmean(found):.2f}{spread}"
