"""Options that several commands share, and the client they lead to."""

import re
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from winnow.cli.output import spoken
from winnow.contract.datasets import SIZE

if TYPE_CHECKING:
    from winnow.client import Client

DEFAULT_URL = "http://127.0.0.1:8000"

Url = Annotated[str, typer.Option("--url", envvar="WINNOW_URL", help="Address of the service.")]
ApiKey = Annotated[
    str | None, typer.Option("--api-key", envvar="WINNOW_API_KEY", help="The service's key, where it wants one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")]

JobId = Annotated[str, typer.Argument(help="A job's id, `job_…`.")]


def check_key(api_key: str | None) -> None:
    """Refuse a key that no header carries. Raises BadParameter."""
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise typer.BadParameter("A key has the characters of ASCII alone.", param_hint="--api-key (WINNOW_API_KEY)")


def check_size(size: str | None) -> None:
    """Refuse what is no image size. Raises BadParameter."""
    if size is not None and not re.fullmatch(SIZE, size):
        raise typer.BadParameter(f"{size!r} is no image size, as 32x32", param_hint="--size")


def none_before(context: typer.Context) -> None:
    """Refuse options that stand before a subcommand, which has its own. Raises BadParameter."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            command = f"{context.command_path} {context.invoked_subcommand}"
            raise typer.BadParameter(
                f"{parameter.opts[0]} stands before the subcommand: put what is for `{command}` behind it "
                f"(see `{command} --help`)"
            )


def connect(url: str, api_key: str | None) -> "Client":
    """A client of the service at `url`."""
    check_key(api_key)
    from winnow.client import Client  # noqa: PLC0415 - it loads httpx, which help does not need

    return Client(url, api_key)


def described(value: type[BaseModel], field: str) -> str:
    """The help text of a spec's field: its description, the only one there is."""
    return spoken(value.model_fields[field].description or "")
