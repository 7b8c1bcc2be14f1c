"""`winnow submit`: a job from a file, from options, or from a file with options laid over it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from winnow.cli.options import DEFAULT_URL, ApiKey, AsJson, Url, connect, described
from winnow.cli.output import people, print_json
from winnow.cli.tables import state, what
from winnow.cli.watching import watch as watch_job
from winnow.contract.specs.choices import DatasetChoice, ModelChoice
from winnow.contract.specs.jobs import PruneSpec
from winnow.contract.specs.presets import WRITTEN_OUT, Preset
from winnow.contract.specs.pruning import Iterative, Method, spelt_out_method
from winnow.contract.specs.targets import Target
from winnow.contract.specs.training import Train

Dataset = Annotated[str | None, typer.Option(help=described(DatasetChoice, "name"))]
Model = Annotated[str | None, typer.Option(help=described(ModelChoice, "name"))]
Sparsity = Annotated[float | None, typer.Option(help=described(Target, "sparsity"))]
MaxAccuracyDrop = Annotated[float | None, typer.Option(help=described(Target, "max_accuracy_drop"))]
MaxBytes = Annotated[int | None, typer.Option(help=described(Target, "max_bytes"))]
ByPreset = Annotated[Preset | None, typer.Option("--preset", help=described(Method, "preset"))]
Epochs = Annotated[int | None, typer.Option(help=described(Train, "epochs"))]
Rate = Annotated[float | None, typer.Option(help=described(Iterative, "rate"))]
Replicates = Annotated[int | None, typer.Option(help=described(PruneSpec, "replicates"))]
Arms = Annotated[str | None, typer.Option(help=f"Comma-separated. {described(PruneSpec, 'arms')}")]
Seed = Annotated[int | None, typer.Option(help=described(PruneSpec, "seed"))]
Processes = Annotated[int | None, typer.Option(help=described(PruneSpec, "processes"))]
Resource = Annotated[Literal["auto", "cpu", "gpu"] | None, typer.Option(help=described(PruneSpec, "resource"))]


REPLACED = {"epochs": ("steps",), "preset": WRITTEN_OUT}
"""What else stands in a file for the same thing as an option."""


def submit(
    file: Annotated[Path | None, typer.Argument(help="A job as JSON, or - for standard input.")] = None,
    *,
    dataset: Dataset = None,
    model: Model = None,
    sparsity: Sparsity = None,
    max_accuracy_drop: MaxAccuracyDrop = None,
    max_bytes: MaxBytes = None,
    preset: ByPreset = None,
    epochs: Epochs = None,
    rate: Rate = None,
    replicates: Replicates = None,
    arms: Arms = None,
    seed: Seed = None,
    processes: Processes = None,
    resource: Resource = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the job to its end.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Submit a job: FILE, or --dataset and --model; options are laid over what FILE says."""
    settings = {
        ("dataset",): dataset,
        ("model",): model,
        ("target", "sparsity"): sparsity,
        ("target", "max_accuracy_drop"): max_accuracy_drop,
        ("target", "max_bytes"): max_bytes,
        ("train", "epochs"): epochs,
        ("method", "preset"): preset,
        ("method", "schedule"): None if rate is None else {"name": "iterative", "rate": rate},
        ("replicates",): replicates,
        ("arms",): None if arms is None else [arm.strip() for arm in arms.split(",")],
        ("seed",): seed,
        ("processes",): processes,
        ("resource",): resource,
    }
    if file is None and not (dataset and model):
        raise typer.BadParameter("give a FILE, or --dataset and --model (see `winnow submit --help`)")
    spec = overlaid(read_spec(file) if file else {"kind": "prune"}, settings)
    with connect(url, api_key) as client:
        job = client.submit(spec)
        if watch:
            raise typer.Exit(watch_job(client, job.id, as_json).state != "succeeded")
    if as_json:
        print_json(job)
    else:
        people().print(f"[bold]{job.id}[/]", state(job), what(job), sep="  ")
        people().print(f"Watch it: winnow jobs watch {job.id}", style="dim")


def read_spec(file: Path) -> dict[str, Any]:
    """The JSON object in a file, or on standard input for `-`."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        spec = json.loads(text, parse_constant=_no_constants)
    except OSError as missing:
        raise typer.BadParameter(f"{file}: {missing.strerror}") from missing
    except ValueError as wrong:
        raise typer.BadParameter(f"{file} is not JSON: {wrong}") from wrong
    if not isinstance(spec, dict):
        raise typer.BadParameter(f"{file} holds no JSON object")
    return spec


def overlaid(spec: dict[str, Any], settings: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    """A spec with each setting that is not None put at its path.

    A budget in epochs takes the place of one in steps, a target that of the file's, a preset that of what it is short
    for.
    """
    result = dict(spec)
    if any(value is not None for path, value in settings.items() if path[0] == "target"):
        result.pop("target", None)
    for (*folders, name), value in settings.items():
        if value is None:
            continue
        place = result
        for folder in folders:
            inner = place.get(folder)
            inner = spelt_out_method(inner) if folder == "method" else inner
            place[folder] = dict(inner) if isinstance(inner, dict) else {}
            place = place[folder]
        place[name] = value
        for replaced in REPLACED.get(name, ()):
            place.pop(replaced, None)
    return result


def _no_constants(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
