"""`winnow convert`: a PyTorch state dict as safetensors, on the user's own machine."""

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli.options import AsJson
from winnow.cli.output import people, print_json


def convert(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A state dict: .pt, .pth, .th, .bin.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.safetensors", dir_okay=False, help="Where it goes.")],
    as_json: AsJson = False,
) -> None:
    """Turn a PyTorch state dict into safetensors, the only form of weights that the service takes.

    Reading such a file can run what its maker put into it, in spite of PyTorch's guard: convert only files you trust.
    """
    from winnow.lottery.conversion import convert as convert_state  # noqa: PLC0415 - it loads torch

    tensors = convert_state(file, out)
    if as_json:
        print_json({"path": str(out), "tensors": {name: list(shape) for name, shape in tensors.items()}})
    else:
        people().print(f"{len(tensors)} tensors are in {out}", soft_wrap=True)
