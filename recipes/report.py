"""From what a recipe's job has left in a folder to a page: its units without weights are kept, `plan` makes the tables.

    winnow run recipes/NAME.json --out DIR --data-dir DATA
    python recipes/report.py keep recipes/NAME.json DIR docs/results/data/NAME.json [--data-dir DATA]
    python recipes/report.py page docs/results/data/NAME.json recipes/NAME.md docs/results/NAME.md

`keep` adds to what was kept before, so that a long job can be run in slices (slices.py), in other folders or on other
machines: a page is made of whatever is known by then. The head of a page, what was asked and what differs from the
original, is written by hand: recipes/NAME.md.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import arms
import learning_curves
import typer
from claims import claims
from differences import between_points, differences
from networks import networks

from winnow.artifact.atomic import write_atomically
from winnow.artifact.uploads import folder_of, inspect_folder
from winnow.cli.curve import curve
from winnow.cli.tables import ARMS
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import DatasetFacts
from winnow.contract.results import UnitResult
from winnow.contract.rows import ArmSummary, LevelRow
from winnow.contract.sheets import labels
from winnow.contract.specs.jobs import SPEC, PruneSpec
from winnow.contract.specs.transfer import TransferSpec
from winnow.plan import Known, Part, Resolved, parts, places, resolve_sent, table
from winnow.plan.verdict import margin_for

Results = Mapping[str, UnitResult]
app = typer.Typer(add_completion=False, help=__doc__.partition("\n")[0], pretty_exceptions_enable=False)


@app.command()
def keep(recipe: Path, folder: Path, kept: Path, data_dir: Annotated[Path | None, typer.Option()] = None) -> None:
    """Add what is known of a recipe's units to what was kept, without weights; curves only where a page draws them."""

    def facts(name: str) -> DatasetFacts:
        if name in DATASETS or data_dir is None:
            return DATASETS[name]
        return inspect_folder(folder_of(data_dir, name)).facts(name)

    known = Known(dataset=facts, model=_no_model, auto="cpu")
    job = resolve_sent(json.loads(recipe.read_text()), SPEC.validate_python, known)
    found = json.loads(kept.read_text())["results"] if kept.exists() else {}
    before = set(found)
    found |= {path.parent.name: json.loads(path.read_bytes()) for path in (folder / "units").glob("*/result.json")}
    results = {key: UnitResult.model_validate(result) for key, result in found.items()}
    mine = {place.unit.key for place in places(job, results)}
    if others := len(before - mine):
        raise typer.BadParameter(f"{others} units in {kept} are not of {recipe} as it is now: keep them elsewhere")
    numbers = [part for part in parts(job, results) if learning_curves.number(part) is not None]
    drawn = isinstance(job.spec, TransferSpec) and len(numbers) > 1
    shown = {key: _drawn(results[key]) if drawn else () for key in sorted(mine & found.keys())}
    lines = [json.dumps({key: found[key] | {"curve": curve}})[1:-1] for key, curve in shown.items()]
    head = json.dumps(job.model_dump(mode="json"))
    kept.parent.mkdir(parents=True, exist_ok=True)
    text = f'{{"job": {head},\n"results": {{\n' + ",\n".join(lines) + "\n}}\n"
    write_atomically(kept, [text.encode()])  # hours of work may be in it
    sys.stdout.write(f"{len(lines)} of {len(mine)} units are in {kept}\n")


@app.command()
def page(kept: Path, head: Path, out: Path) -> None:
    """Make the page of what was kept."""
    job, results = read(kept)
    known = places(job, results)
    done = [place.unit.key for place in known if place.unit.key in results]
    hardware = ", ".join(sorted({results[key].numerics for key in done}))
    hours = sum(results[key].seconds for key in done) / 3600
    written = head.read_text().rstrip()
    title = written.partition("\n")[0].lstrip("# ")
    text = [
        written,
        f"Made by `recipes/report.py` from {len(done)} of {len(known)} units of `{head.with_suffix('.json')}`: "
        f"{hours:.1f} hours of one process with {job.spec.threads} thread on {hardware}. Accuracies in percent: in "
        "tables of levels ± half the two-sided 95 % interval over replicates (Student's t), in the last table ± one "
        "standard deviation. Seconds are the mean of a unit's, by the clock, its features' included.",
        *(
            section
            for number, (part, name) in enumerate(_named(parts(job, results)), 1)
            for section in (*_levels(part, name, number, out, title), *_differences(part, job, results))
        ),
        *_between_points(job, results),
        *_over_a_number(job, results, out, title),
        *_side_by_side(job, results, out, title),
        "\n".join(networks(job, results)),
    ]
    out.write_text("\n\n".join(text) + "\n")


def _drawn(result: UnitResult) -> list[dict[str, object]]:
    """What a picture shows of a unit's curve."""
    lines = learning_curves.LINES
    return [{"step": p.step, "values": {n: v for n, v in p.values.items() if n in lines}} for p in result.curve]


def read(kept: Path) -> tuple[Resolved, Results]:
    """A job and what is known of its units."""
    found = json.loads(kept.read_text())
    results = {key: UnitResult.model_validate(result) for key, result in found["results"].items()}
    return Resolved.model_validate(found["job"]), results


def _no_model(name: str) -> tuple[()]:
    raise typer.BadParameter(f"a recipe makes the model it begins with, and cannot know {name}")


def _named(found: Sequence[Part]) -> Iterator[tuple[Part, str]]:
    """Points and what they are called; the whole of a job that has none is called nothing."""
    return zip(found, map("; ".join, labels([part.at for part in found])), strict=True)


def _levels(part: Part, name: str, number: int, out: Path, title: str) -> Iterator[str]:
    """Of a point that has levels, their table and picture."""
    if len(part.levels) < 2:
        return
    arms = [arm for arm in ARMS if any(row.arms.get(arm) for row in part.levels)]
    if name:
        yield f"## {name}"
    rows = [
        "| sparsity | " + " | ".join(ARMS[arm] for arm in arms) + " | verdict |",
        "|---:|" + "---:|" * len(arms) + "---|",
    ]
    rows += [_level(row, arms) for row in part.levels]
    yield "\n".join(rows)
    if len(part.levels) > 2:
        picture = out.with_name(f"{out.stem}-{number}.svg" if name else f"{out.stem}.svg")
        picture.write_text(curve(part.levels, name or title))
        yield f"![accuracy over density]({picture.name})"


def _differences(part: Part, job: Resolved, results: Results) -> Iterator[str]:
    rows = [row for row in table(job, results) if row.at == part.at]
    images = _test_images(part.places, results)
    if lines := list(differences(rows, images)) if images else []:
        yield "Test accuracy of the ticket minus that of another arm, in points, paired by replicate:"
        yield "\n".join(lines)
    if lines and isinstance(job.spec, PruneSpec):
        margin = margin_for(float(job.spec.margin), images)
        if said := list(claims(rows, images, margin)):
            yield f"By the rule of the verdicts, a loss of {100 * margin:.2g} points allowed, in densities:"
            yield "\n".join(said)


def _between_points(job: Resolved, results: Results) -> Iterator[str]:
    images = _test_images([place.unit.key for place in places(job, results)], results)
    lines = list(between_points(table(job, results), images)) if images else []
    if lines:
        yield "Test accuracy of the last ticket of each point minus that of the first point's, likewise:"
        yield "\n".join(lines)


def _over_a_number(job: Resolved, results: Results, out: Path, title: str) -> Iterator[str]:
    """Of a transfer that is swept over one number, what it wins at each."""
    found = [part for part in parts(job, results) if learning_curves.number(part) is not None]
    rows = [row for row in table(job, results) if row.at]
    images = _test_images([place.unit.key for place in places(job, results)], results)
    if not isinstance(job.spec, TransferSpec) or len(found) < 2 or not images:
        return
    picture = out.with_suffix(".svg")
    picture.write_text(learning_curves.panels(found, results, title))
    yield "\n".join(learning_curves.crossing(rows, images))
    yield f"![losses over training]({picture.name})"


def _side_by_side(job: Resolved, results: Results, out: Path, title: str) -> Iterator[str]:
    """Of points that neither go down levels nor along a number, the arms of each."""
    found = [part for part in parts(job, results) if part.levels]
    if len(found) < 2 or any(len(part.levels) > 2 or learning_curves.number(part) is not None for part in found):
        return
    picture = out.with_suffix(".svg")
    picture.write_text(arms.panels(found, title))
    yield f"![test accuracy of each arm, with 95 % intervals]({picture.name})"


def _test_images(units: Iterable[str], results: Results) -> int:
    """Of the last of these units that was measured: of the job itself, not of the jobs before it. 0 where none was."""
    tests = (results[key].metrics.test for key in units if key in results)
    return next((test.images for test in reversed(list(tests)) if test), 0)


def _level(row: LevelRow, arms: Iterable[str]) -> str:
    cells = " | ".join(_percent(row.arms.get(arm)) for arm in arms)
    return f"| {row.sparsity:.2%} | {cells} | {(row.verdict or '').replace('_', ' ')} |"


def _percent(summary: ArmSummary | None) -> str:
    if summary is None:
        return "–"
    half = "" if summary.high is None else f" ± {100 * (summary.high - summary.mean):.2f}"
    return f"{100 * summary.mean:.2f}{half}"


if __name__ == "__main__":
    app()
