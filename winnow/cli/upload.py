"""`winnow upload`: a data set of one's own."""

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from winnow.cli.options import DEFAULT_URL, ApiKey, AsJson, Url, check_size, connect
from winnow.cli.output import people, print_json
from winnow.contract.names import NAME


def upload(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A .zip of CLASS/images, or an .npz of x and y.")
    ],
    name: Annotated[str | None, typer.Option(help="What jobs call it; the file's name unless given.")] = None,
    size: Annotated[str | None, typer.Option(help="Resize images to this, `32x32`, where they differ.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Upload a data set that jobs can name."""
    check_size(size)
    called = name or file.stem
    if not re.fullmatch(NAME, called):
        raise typer.BadParameter(
            f"{called!r} is no name of a data set: give one of letters, digits, dots, dashes and underscores, "
            "a letter or digit first",
            param_hint="--name",
        )
    with connect(url, api_key) as client:
        dataset = client.upload(file, called, size)
    if as_json:
        print_json(dataset)
    else:
        height, width = dataset.size
        images = sum(dataset.counts) + sum(dataset.test_counts or ())
        said = f"  {images} images, {height}×{width}, {len(dataset.classes)} classes"
        people().print(Text.assemble((dataset.id, "bold"), said))
