"""`winnow download`: the files of a model, or of a job's target model with its certificate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.options import DEFAULT_URL, ApiKey, AsJson, Url, connect
from winnow.cli.output import people, print_json

if TYPE_CHECKING:
    from winnow.client import Client


def download(
    name: Annotated[str, typer.Argument(metavar="ID", help="A model, `mdl_…`, or a finished job, `job_…`.")],
    out: Annotated[Path | None, typer.Option(help="Where to; a folder named by ID unless given.")] = None,
    file: Annotated[list[str] | None, typer.Option(help="Only this file; may be given again.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Download the files of a model, checked by SHA-256; a download that broke off goes on where it was."""
    folder = out or Path(name)
    with connect(url, api_key) as client:
        model, certificate = _found(client, name)
        listed = list(client.files(model))
        if unknown := sorted(set(file or ()) - {one.name for one in listed}):
            raise typer.BadParameter(f"{model} has no {unknown[0]}; it has {', '.join(one.name for one in listed)}")
        folder.mkdir(parents=True, exist_ok=True)
        paths = [client.download(model, one, folder) for one in listed if not file or one.name in file]
    if certificate is not None:
        paths.append(folder / "certificate.json")
        paths[-1].write_bytes(certificate)
    if as_json:
        print_json({"model_id": model, "files": [{"path": str(p), "bytes": p.stat().st_size} for p in paths]})
    else:
        for path in paths:
            people().print(f"{path}  {path.stat().st_size:,} bytes")


def _found(client: "Client", name: str) -> tuple[str, bytes | None]:
    """The model that an id leads to and, for a job, its certificate."""
    if not name.startswith("job_"):
        return name, None
    job = client.job(name)
    if job.points:
        raise typer.BadParameter(
            f"{name} is a sweep: name the model of one of its points; `winnow models --job {name}` lists them"
        )
    if job.result is None:
        raise typer.BadParameter(f"{name} is {job.state}: its levels so far are models already, see `winnow jobs show`")
    return job.result.target.model_id, client.certificate(name)
