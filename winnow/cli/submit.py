"""`winnow submit`: a job from a file, from options, or from a file with options laid over it."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from winnow.cli.options import DEFAULT_URL, ApiKey, AsJson, Url, connect, described
from winnow.cli.output import people, print_json
from winnow.cli.spec_files import Set, assigned, overlaid, read_spec
from winnow.cli.tables import state, what
from winnow.cli.watching import watch as watch_job
from winnow.contract.specs.choices import DatasetChoice, ModelChoice
from winnow.contract.specs.jobs import PruneSpec
from winnow.contract.specs.presets import Preset
from winnow.contract.specs.pruning import Iterative, Method
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
    fields: Set = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the job to its end.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Submit a job: FILE, or --dataset and --model; options are laid over what FILE says, --set last.

    Without FILE it is a `prune` job; a target of 0.9 of the weights holds unless another one is given.
    """
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
    given = {path: value for path, value in settings.items() if value is not None} | assigned(fields)
    if file is None and not {"dataset", "model"} <= {path[0] for path in given}:
        raise typer.BadParameter("give a FILE, or --dataset and --model (see `winnow submit --help`)")
    spec = overlaid(read_spec(file) if file else {"kind": "prune"}, given)
    with connect(url, api_key) as client:
        job = client.submit(spec)
        if watch:
            raise typer.Exit(watch_job(client, job.id, as_json).state != "succeeded")
    if as_json:
        print_json(job)
    else:
        people().print(Text(job.id, "bold"), state(job), what(job), sep="  ")
        people().print(f"Watch it: winnow jobs watch {job.id}", style="dim")
