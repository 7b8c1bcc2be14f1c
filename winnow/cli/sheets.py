"""`winnow jobs table` and `winnow jobs curves`: everything that was measured, for people, as CSV or as JSON."""

import csv
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from winnow.cli.options import DEFAULT_URL, ApiKey, AsJson, JobId, Url, connect
from winnow.cli.output import people, print_json
from winnow.cli.tables import ARMS, sheet
from winnow.contract.resources import Series
from winnow.contract.rows import TableRow
from winnow.contract.sheets import cells, columns, curve_cells, curve_columns, labels, swept

AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV on standard output, as the service gives it.")]

SHARES = {
    "validation": "validation_accuracy",
    "test": "test_accuracy",
    "top 5": "test_top5_accuracy",
    "coarse": "test_coarse_accuracy",
    "calibration": "test_calibration_error",
}
COUNTS = {"non-zeros": "nonzeros", "MACs": "macs_effective", "bytes": "bytes"}


def table(
    job_id: JobId, as_csv: AsCsv = False, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Print a row for each network measured so far; --csv and --json have every column."""
    with connect(url, api_key) as client:
        rows = client.table(job_id)
    if as_json:
        print_json(rows)
    elif as_csv:
        _print_csv(columns(rows), map(cells, rows))
    else:
        people().print(_measured(rows) if rows else "Nothing is measured yet.")


def curves(
    job_id: JobId, as_csv: AsCsv = False, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Print the last value of each curve; --csv and --json have every point."""
    with connect(url, api_key) as client:
        found = client.curves(job_id)
    if as_json:
        print_json(found)
    elif as_csv:
        _print_csv(curve_columns(found), curve_cells(found))
    else:
        people().print(_ends(found) if found else "No curve has a point yet.")


def _measured(rows: Sequence[TableRow]) -> Any:
    """Shares in percent; what no network has is left out."""
    shown = {name: field for name, field in (SHARES | COUNTS).items() if any(getattr(row, field) for row in rows)}
    points = labels([row.at for row in rows])
    lines = [
        (*point, str(row.level), _arm(row.arm), str(row.replicate), f"{row.sparsity:.2%}", *_values(row, shown))
        for point, row in zip(points, rows, strict=True)
    ]
    return sheet((*swept(row.at for row in rows), "level", "arm", "replicate", "sparsity", *shown), lines)


def _values(row: TableRow, shown: dict[str, str]) -> Iterable[str]:
    for name, field in shown.items():
        value = getattr(row, field)
        yield "–" if value is None else f"{value:.2%}" if name in SHARES else f"{value:,}"


def _ends(found: Sequence[Series]) -> Any:
    points = labels([one.at for one in found])
    lines = [
        (*point, str(one.level), _arm(one.arm), str(one.replicate), one.name, str(len(one.x)), *_last(one))
        for point, one in zip(points, found, strict=True)
    ]
    named = ("level", "arm", "replicate", "curve", "points", "last step", "value")
    return sheet((*swept(one.at for one in found), *named), lines)


def _last(one: Series) -> tuple[str, str]:
    if not one.x:
        return "–", "–"
    return str(one.x[-1]), "–" if one.y[-1] is None else f"{one.y[-1]:.4g}"


def _arm(arm: str) -> str:
    return {str(name): said for name, said in ARMS.items()}.get(arm, arm)


def _print_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
