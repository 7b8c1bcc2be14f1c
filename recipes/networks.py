"""The last table of a page: a row for each arm of each level and point, and for what was done besides."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from winnow.cli.tables import ARMS
from winnow.contract.inputs import TransferInputs
from winnow.contract.results import UnitResult
from winnow.contract.sheets import labels, swept
from winnow.contract.specs.jobs import PlaceArm
from winnow.plan import Part, Place, Resolved, parts
from winnow.plan.level_rows import accuracy

SPLITS = ("train", "validation", "test")
MORE = {"top 5": "top5_accuracy", "coarse": "coarse_accuracy"}
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
    called = labels([row.part.at for row in found])
    paths = swept(row.part.at for row in found)
    lines = [
        dict(zip(paths, name, strict=True))
        | _cells(row, [results[place.unit.key] for place in row.places], scratch.get(row.learnt(), ()))
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
    """What a point begins with is several networks, one from the other: a row for each."""
    groups: dict[tuple[int, PlaceArm, str | None], list[Place]] = {}
    for key, place in part.places.items():
        if key in results:
            alone = key if place.arm == "source" else None
            groups.setdefault((place.level, place.arm, alone), []).append(place)
    for (level, arm, _), places in groups.items():
        yield Row(part, level, arm, places, fmean(_seconds(place, results) for place in places))


def _seconds(place: Place, results: Mapping[str, UnitResult]) -> float:
    made = getattr(place.unit.inputs, "features", None)
    return results[place.unit.key].seconds + (results[made].seconds if made else 0)


def _cells(row: Row, found: Sequence[UnitResult], scratch: Sequence[float]) -> dict[str, str]:
    inputs, measured = row.places[0].unit.inputs, found[0].metrics.test is not None
    recipe = getattr(inputs, "recipe", None)
    tests = [one.metrics.test for one in found]
    return {
        "sparsity": f"{found[0].zeros / found[0].prunable:.2%}" if measured else "",
        "arm": f"source: {row.places[0].unit.kind}"
        if row.arm == "source"
        else ARMS.get(row.arm, row.arm.replace("_", " ")),
        "optimizer": f"{recipe.optimizer.name} {recipe.optimizer.lr}" if measured and recipe else "",
        "n": str(len(row.places)),
        **{split: _mean([accuracy(getattr(one.metrics, split)) for one in found]) for split in SPLITS},
        **{name: _mean([getattr(test, score) for test in tests if test]) for name, score in MORE.items()},
        "steps": str(found[0].total_steps) if measured else "",
        "seconds": f"{row.seconds:.1f}",
        SCRATCH: f"{fmean(scratch) / row.seconds:.1f}" if scratch and isinstance(inputs, TransferInputs) else "",
    }


def _mean(scores: Sequence[float | None]) -> str:
    found = [score for score in scores if score is not None]
    if not found:
        return ""
    spread = f" ± {100 * stdev(found):.2f}" if len(found) > 1 else ""
    return f"{100 * fmean(found):.2f}{spread}"
