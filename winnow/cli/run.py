"""`winnow run`: a job in this process, over a folder, with no service; the same bytes as one would give."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

from winnow.cli.given import DataSets, Network, brought
from winnow.cli.options import AsJson
from winnow.cli.output import people, print_json, remarks
from winnow.cli.spec_files import Set, assigned, overlaid, read_spec
from winnow.cli.watching import claims, picture
from winnow.contract.datasets import MAX_DECODED
from winnow.contract.problems import InvalidSpec, Unavailable
from winnow.contract.reading import read
from winnow.contract.specs.jobs import SPEC

if TYPE_CHECKING:
    from winnow.lottery.local import Status
    from winnow.plan import Outcome, Resolved

DataDir = Annotated[
    Path | None,
    typer.Option(envvar="WINNOW_DATA_DIR", exists=True, file_okay=False, help="Folder of data sets."),
]
ResidentBytes = Annotated[
    int,
    typer.Option(envvar="WINNOW_RESIDENT_BYTES", min=0, help="A folder with more pixels is streamed from its files."),
]
Upload = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=FILE", help="A data set of one's own, .zip or .npz, by the name the job has. Again for each."
    ),
]
Size = Annotated[
    str | None, typer.Option(help="What to resize the images of an uploaded .zip to, `32x32`, where they differ.")
]


def run(
    file: Annotated[Path, typer.Argument(metavar="JOB.json", help="The job, as it would be submitted.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Where units, certificate and tables go.")],
    fields: Set = None,
    data_dir: DataDir = None,
    resident_bytes: ResidentBytes = MAX_DECODED,
    upload: Upload = None,
    size: Size = None,
    weights: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Begin with these weights, safetensors.")
    ] = None,
    network: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="What their network is, as JSON, where they do not say it."),
    ] = None,
    mask: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Their mask, safetensors.")] = None,
    as_json: AsJson = False,
) -> None:
    """Do a job here, without a service, on the CPU unless it says gpu. Run again after a stop, it goes on.

    A model that an earlier run left in OUT can be named by its id, `mdl_…`.
    """
    from winnow.lottery.folder import Folder  # noqa: PLC0415 - help does not need it
    from winnow.plan import Known, resolve_sent  # noqa: PLC0415 - help does not need it

    sets = DataSets(data_dir, upload or (), size)
    own = Network(brought(weights, network, mask), out)
    sent = own.named(overlaid(read_spec(file), assigned(fields)))
    job = resolve_sent(sent, partial(read, SPEC), Known(dataset=sets.facts, model=own.units, auto="cpu"))
    sets.check()
    brought_files = {name: path for name, path in (("weights", weights), ("mask", mask)) if path is not None}
    uploads = {f"dataset/{name}": path for name, path in sets.uploads.items()} | brought_files
    outcome = _done(job, out, (data_dir, resident_bytes), uploads)
    if outcome.failed_checks:
        failed = "; ".join(f"{check.name}: {check.evidence}" for check in outcome.failed_checks)
        raise InvalidSpec(f"the audit failed, so the job claims nothing: {failed}")
    models = Folder(out).models()
    if as_json:
        found = {"levels": outcome.levels, "points": outcome.points, "result": outcome.result}
        print_json({"out": str(out), "models": {name: str(folder) for name, folder in models.items()}, **found})
    else:
        people().print(picture("done", None, (outcome.levels, outcome.points)))
        if outcome.result:
            people().print(claims(outcome.result))
            people().print(f"Its files are in {models[outcome.result.target.model_id]}", soft_wrap=True)
        people().print(f"Certificate, tables and units are in {out}", style="dim", soft_wrap=True)


def _done(job: "Resolved", out: Path, data: tuple[Path | None, int], uploads: dict[str, Path]) -> "Outcome":
    from winnow.lottery.numerics import environment  # noqa: PLC0415 - it must come before torch, see below

    # Torch reads these once, when it is imported; they are what makes two runs give the same bytes.
    os.environ.update(environment(job.spec.threads))
    from winnow.lottery.local import run_job  # noqa: PLC0415 - it loads torch
    from winnow.lottery.units import ProcessLost, UnitFailed, Warm  # noqa: PLC0415 - it loads torch

    out.mkdir(parents=True, exist_ok=True)
    with Live(console=remarks(), refresh_per_second=4, transient=True) as live:

        def show(status: "Status") -> None:
            live.update(picture(_at_work(status), status.progress, (status.levels, status.points)))

        try:
            return run_job(job, out, Warm(*data, decoders=os.cpu_count() or 1), show, uploads)
        except UnitFailed as failure:
            raise InvalidSpec(failure.detail) from failure
        except ProcessLost as lost:
            raise Unavailable(f"{lost} Run it again: it goes on from its last checkpoint.") from lost


def _at_work(status: "Status") -> str:
    return f"{status.unit.kind} {status.unit.key[:12]}, {status.unit_fraction:.0%} of it"
