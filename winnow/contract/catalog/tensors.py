"""The tensors of every architecture's network, for those who have no torch: what the files in `tables/` say.

A table is a JSON list of layers in the order of the state dict: a layer's name, its kind, the shape of its weight, and
whether it has a bias. A dimension is a number, `classes`, `channels`, or what is flattened: filters × the height × the
width that these windows (kernel, stride, padding) leave of an image. `winnow.lottery.tensor_tables` writes the files.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, cast

from winnow.contract.problems import InvalidSpec
from winnow.contract.results import LayerKind

TABLES = Path(__file__).parent / "tables"
PRUNABLE = ("conv", "linear", "output")

Shape = tuple[int, ...]


def table_of(architecture: str) -> Path:
    """The file that holds, or shall hold, its table."""
    return TABLES / f"{architecture}.json"


def tensors(architecture: str, classes: int, channels: int, size: tuple[int, int]) -> dict[str, Shape]:
    """Name → shape of each parameter and buffer of the network, in the order of its state dict.

    `size` is height and width in pixels, no less than the architecture's smallest. Raises InvalidSpec for an
    architecture without a table.
    """
    numbers = {"classes": classes, "channels": channels}
    found = (tensor for layer in _rows(architecture) for tensor in _tensors(*layer))
    return {name: tuple(_dimension(entry, numbers, size) for entry in shape) for name, shape in found}


def lies_in(tensor: str, modules: Collection[str]) -> bool:
    """Whether a tensor belongs to one of the modules, or to one inside of them."""
    return any(tensor.startswith(f"{module}.") for module in modules)


def prunable_layers(architecture: str) -> tuple[tuple[str, LayerKind], ...]:
    """Name and kind of each prunable tensor, in order; InvalidSpec for an architecture without a table."""
    rows = _rows(architecture)
    return tuple((f"{name}.weight", cast(LayerKind, kind)) for name, kind, *_ in rows if kind in PRUNABLE)


def _rows(architecture: str) -> list[Any]:
    try:
        return cast(list[Any], json.loads(table_of(architecture).read_bytes()))
    except FileNotFoundError as error:
        text = f"The tensors of {architecture} are not known without building it: `make tables` writes them down."
        raise InvalidSpec(text) from error


def _tensors(name: str, kind: str, shape: list[Any], bias: bool) -> Iterator[tuple[str, list[Any]]]:
    if kind == "parameter":
        yield name, shape
        return
    yield f"{name}.weight", shape
    if bias:
        yield f"{name}.bias", shape[:1]
    if kind == "batch_norm":
        yield f"{name}.running_mean", shape
        yield f"{name}.running_var", shape
        yield f"{name}.num_batches_tracked", []


def _dimension(entry: Any, numbers: dict[str, int], size: tuple[int, int]) -> int:
    if isinstance(entry, dict):
        height, width = (places_left(side, entry["windows"]) for side in size)
        return _dimension(entry["filters"], numbers, size) * height * width
    return numbers[entry] if isinstance(entry, str) else cast(int, entry)


def places_left(side: int, windows: list[tuple[int, int, int]]) -> int:
    """How many places are left of a side, in pixels, behind windows (kernel, stride, padding) one after the other."""
    for kernel, stride, padding in windows:
        side = (side + 2 * padding - kernel) // stride + 1
    return side
