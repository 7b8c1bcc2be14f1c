"""A whole job in one process over a folder: what `winnow run` does. The service does the same units through SQL.

Killed anywhere and run again, it goes on from there to the same bytes. One folder may serve many jobs: each finds done
what it shares with the others.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from winnow.artifact.atomic import write_atomically
from winnow.artifact.certificate import write_certificate
from winnow.contract.results import Point
from winnow.contract.rows import LevelRow, PointRow, Progress, TableRow
from winnow.contract.sheets import cells, columns
from winnow.contract.units import Unit
from winnow.contract.values import canonical_json
from winnow.lottery.folder import Folder
from winnow.lottery.units import Warm, run
from winnow.plan import Outcome, Pending, Resolved, levels, plan, points, table


@dataclass(frozen=True)
class Status:
    """How far a job is: finished units, levels, points, and the unit at work with its own share and newest values."""

    progress: Progress
    levels: tuple[LevelRow, ...]
    points: tuple[PointRow, ...]
    unit: Unit
    unit_fraction: float
    point: Point | None


FOUND = ("certificate.json", "table.json", "table.csv")

Report = Callable[[Status], None]


def run_job(job: Resolved, out: Path, warm: Warm, report: Report, uploads: Mapping[str, Path] | None = None) -> Outcome:
    """Do what is missing, one unit after another, the chain first; then write certificate and table.

    Where a check of the audit failed nothing is claimed: there is no certificate.
    `report` is called several times a second and may raise Stop. `uploads`: what people sent, by name: the file of
    each uploaded data set as `dataset/NAME`, brought `weights` and their `mask`. Raises UnitFailed where a unit cannot
    be done and Conflict where another run is at work in `out`.
    """
    folder = Folder(out)
    with folder.locked():
        for name in FOUND:  # of the job before, if one has left any
            (out / name).unlink(missing_ok=True)
        results = folder.results()
        while isinstance(step := plan(job, results), Pending):
            unit = step.units[0]
            begun = Status(step.progress, levels(job, results), points(job, results), unit, 0.0, None)
            workspace = folder.workspace(unit, _sent(unit, uploads or {}), _progress(report, begun))
            results[unit.key] = result = run(unit, workspace, warm)
            folder.finish(unit, workspace, result)
        if not step.outcome.failed_checks:
            write_certificate(out / "certificate.json", step.outcome.certificate)
        write_tables(out, table(job, results))
    return step.outcome


def _sent(unit: Unit, uploads: Mapping[str, Path]) -> dict[str, Path]:
    """The files among them that a unit may read: of data sets its own, as `dataset`."""
    sent = {name: path for name, path in uploads.items() if not name.startswith("dataset/")}
    if unit.dataset and (own := uploads.get(f"dataset/{unit.dataset.name}")):
        sent["dataset"] = own
    return sent


def _progress(report: Report, begun: Status) -> Callable[[int, int, Point | None], None]:
    newest: Point | None = None

    def told(done: int, of: int, point: Point | None = None) -> None:
        nonlocal newest
        newest = point or newest
        report(replace(begun, unit_fraction=done / of if of else 1.0, point=newest))

    return told


def write_tables(out: Path, rows: tuple[TableRow, ...]) -> None:
    """`table.json` and `table.csv`: a row for each network."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns(rows))
    writer.writerows(map(cells, rows))
    write_atomically(out / "table.json", [canonical_json([row.model_dump(mode="json") for row in rows])])
    write_atomically(out / "table.csv", [text.getvalue().encode()])
