"""A long job in slices: the units of some of its replicates, in a folder of their own.

    python recipes/slices.py recipes/NAME.json DIR 2 --kept docs/results/data/NAME.json --data-dir DATA
    python recipes/report.py keep recipes/NAME.json DIR docs/results/data/NAME.json

does what is not kept yet of replicate 2, and again what that begins with: only results are kept, no weights. Run again
after a stop, it goes on. By its exactness a unit that is done again has the very results that were kept, or it says so.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.plan import Known, Resolved, places, resolve_sent

if TYPE_CHECKING:
    from winnow.lottery.folder import Folder
    from winnow.lottery.units import Warm

Results = Mapping[str, UnitResult]
MEASURED_ANEW = {"seconds", "curve"}
"""What differs between two times that a unit is done, or is not kept."""


def main(
    recipe: Path,
    folder: Path,
    replicates: list[int],
    kept: Annotated[Path | None, typer.Option(exists=True)] = None,
    data_dir: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """Do the units of some replicates of a recipe's job that are not kept yet."""
    job = resolve_sent(
        json.loads(recipe.read_text()), SPEC.validate_python, Known(DATASETS.__getitem__, lambda _name: (), "cpu")
    )
    known = _kept(kept)
    from winnow.lottery.numerics import environment  # noqa: PLC0415 - torch reads it once, when it is imported

    os.environ.update(environment(job.spec.threads))
    from winnow.lottery.folder import Folder  # noqa: PLC0415 - see above
    from winnow.lottery.units import Warm  # noqa: PLC0415 - see above

    here, warm = Folder(folder), Warm(data_dir)
    with here.locked():
        done = here.results()
        for unit in _missing(job, set(replicates), known, done):
            done[unit.key] = found = _do(unit, here, warm)
            said = _said(known.get(unit.key), found)
            sys.stdout.write(f"{unit.kind} {unit.key[:12]} {found.seconds:.0f} s, {said}\n")
            sys.stdout.flush()


def _missing(job: Resolved, replicates: set[int], known: Results, done: dict[str, UnitResult]) -> Iterator[Unit]:
    """One unit after another, as `done` grows: those that are in neither, and before each what it begins with."""
    while True:
        named = places(job, {**known, **done})
        units = {place.unit.key: place.unit for place in named}
        mine = (place.unit for place in named if place.replicate in replicates)
        left = next((unit for unit in mine if unit.key not in known and unit.key not in done), None)
        if left is None:
            return
        yield _first(left, units, done)


def _first(unit: Unit, units: Mapping[str, Unit], done: Results) -> Unit:
    missing = next((units[key] for key in unit.parents.values() if key not in done), None)
    return unit if missing is None else _first(missing, units, done)


def _do(unit: Unit, folder: "Folder", warm: "Warm") -> UnitResult:
    from winnow.lottery.units import run  # noqa: PLC0415 - it loads torch

    workspace = folder.workspace(unit, {}, lambda *_progress: None)
    found = run(unit, workspace, warm)
    folder.finish(unit, workspace, found)
    return found


def _said(before: UnitResult | None, now: UnitResult) -> str:
    if before is None:
        return "new"
    same = now.model_dump(exclude=MEASURED_ANEW) == before.model_dump(exclude=MEASURED_ANEW)
    return "again, as it was" if same else "again, AND ANOTHER RESULT than the one that was kept"


def _kept(kept: Path | None) -> Results:
    found = {} if kept is None else json.loads(kept.read_text())["results"]
    return {key: UnitResult.model_validate(result) for key, result in found.items()}


if __name__ == "__main__":
    typer.run(main)
