"""`winnow models`: list them, and bring networks of one's own."""

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from winnow.cli.options import DEFAULT_URL, ApiKey, AsJson, Url, connect, described, none_before
from winnow.cli.output import people, print_json
from winnow.cli.own_weights import explained
from winnow.cli.spec_files import read_spec
from winnow.cli.tables import models_table
from winnow.contract.specs.brought import BroughtSpec, ModelInput

if TYPE_CHECKING:
    from winnow.client import Client

app = typer.Typer(help="List models; bring a network of your own.", invoke_without_command=True)


@app.callback()
def models(
    context: typer.Context,
    job: Annotated[str | None, typer.Option(help="Only those of this job.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List models, newest first."""
    if context.invoked_subcommand:
        none_before(context)
        return
    with connect(url, api_key) as client:
        found = list(islice(client.models(job), limit))
        if job and not found:
            client.job(job)  # says so where there is none
    if as_json:
        print_json(found)
    else:
        people().print(models_table(found) if found else "No models.")


@app.command()
def push(
    weights: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A state dict as safetensors.")],
    *,
    spec: Annotated[Path | None, typer.Option(help="What the network is, as JSON; options are laid over it.")] = None,
    architecture: Annotated[str | None, typer.Option(help=described(BroughtSpec, "architecture"))] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Its classes, channels and size are those of this data set.")
    ] = None,
    mean: Annotated[str | None, typer.Option(help=f"Comma-separated. {described(ModelInput, 'mean')}")] = None,
    std: Annotated[str | None, typer.Option(help=f"Comma-separated. {described(ModelInput, 'std')}")] = None,
    mask: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Its mask as safetensors.")] = None,
    zeros_masked: Annotated[bool, typer.Option("--zeros-masked", help=described(BroughtSpec, "zeros"))] = False,
    name: Annotated[str | None, typer.Option(help="What to call it; the file's name unless given.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Bring a network; a .pt or .pth file becomes safetensors by `winnow convert`.

    Weights that Winnow wrote say themselves what their network is; options and --spec have precedence.
    """
    said = read_spec(spec) if spec else {}
    if not isinstance(said.get("input") or {}, dict):
        raise typer.BadParameter("`input` is an object: channels, size, mean and std", param_hint="--spec")
    with connect(url, api_key) as client:
        if dataset:
            said = _of_dataset(client, dataset, said)
        if architecture:
            said["architecture"] = architecture
        for field, numbers in (("mean", mean), ("std", std)):
            if numbers:
                said["input"] = dict(said.get("input") or {}) | {field: _numbers(field, numbers)}
        if zeros_masked:
            said["zeros"] = "masked"
        model = client.push(weights, name or weights.stem, explained(weights, said), mask)
        there = any(True for _ in client.files(model.id))
    if as_json:
        print_json(model)
    else:
        text = f"  {model.architecture}, {len(model.classes)} classes"
        people().print(Text.assemble((model.id, "bold"), text), soft_wrap=True)
        made = f"being made: winnow jobs watch {model.jobs[-1]}"
        people().print(f"Its files are {'there already' if there else made}", style="dim")


def _of_dataset(client: "Client", name: str, said: dict[str, Any]) -> dict[str, Any]:
    found = client.dataset(name)
    images = {"channels": found.channels, "size": list(found.size)}
    return {"classes": list(found.classes)} | said | {"input": images | dict(said.get("input") or {})}


def _numbers(field: str, text: str) -> list[float]:
    try:
        return [float(json.loads(part)) for part in text.split(",")]
    except (ValueError, TypeError) as wrong:
        raise typer.BadParameter(f"--{field} wants numbers with commas between them, not {text!r}") from wrong
