"""`winnow unpack`: a packed ticket as safetensors."""

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli.options import AsJson
from winnow.cli.output import people, print_json


def unpack(
    ticket: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A `ticket.winnow`.")],
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where weights and mask go.")],
    as_json: AsJson = False,
) -> None:
    """Turn a packed ticket into weights.safetensors and mask.safetensors."""
    from winnow.artifact.model import unpack as unpack_ticket  # noqa: PLC0415 - it loads numpy, which help does not need

    header = unpack_ticket(ticket, folder)
    if as_json:
        print_json({"folder": str(folder), "header": header.model_dump(mode="json")})
    else:
        text = f"{header.architecture}, {len(header.classes)} classes, level {header.provenance.level}"
        people().print(f"{text}: weights.safetensors and mask.safetensors are in {folder}", soft_wrap=True)
