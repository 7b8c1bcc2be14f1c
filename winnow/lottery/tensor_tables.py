"""Writes what `winnow.contract.catalog.tensors` reads: `python -m winnow.lottery.tensor_tables`, or `make tables`.

A network is built twice, for other classes, channels and sizes. What differs in a shape is told by the numbers, which
are primes that no layer has.
"""

import json
from math import prod
from typing import Any, NamedTuple

from torch import nn

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.tensors import places_left, table_of
from winnow.lottery.architectures import outline, prunable

KINDS: dict[type[nn.Module], str] = {nn.BatchNorm2d: "batch_norm", nn.LayerNorm: "layer_norm"}


class _Probe(NamedTuple):
    network: nn.Module
    classes: int
    channels: int
    size: tuple[int, int]


def table(architecture: str) -> str:
    """The table of an architecture as JSON, a line for each layer. Raises NotImplementedError for an unknown layer."""
    smallest = ARCHITECTURES[architecture].smallest
    one = _probe(architecture, 1009, 1013, (smallest + 17, smallest + 23))
    other = _probe(architecture, 1019, 1021, (smallest + 31, smallest + 37))
    kinds = prunable(one.network)
    rows = [
        row
        for (name, layer), again in zip(one.network.named_modules(), other.network.modules(), strict=True)
        for row in _rows(name, kinds.get(f"{name}.weight"), layer, again, (one, other))
    ]
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def main() -> None:
    """Write the table of every architecture of the catalog."""
    for name in ARCHITECTURES:
        path = table_of(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(table(name))


def _probe(architecture: str, classes: int, channels: int, size: tuple[int, int]) -> _Probe:
    return _Probe(outline(architecture, classes, channels, size), classes, channels, size)


def _rows(
    name: str, kind: str | None, layer: nn.Module, again: nn.Module, probes: tuple[_Probe, _Probe]
) -> list[tuple[Any, ...]]:
    own, others = (dict(module.named_parameters(recurse=False)) for module in (layer, again))
    shapes = {
        key: [_dimension(pair, probes) for pair in zip(tensor.shape, others[key].shape, strict=True)]
        for key, tensor in own.items()
    }
    kind = kind or next((known for kinds, known in KINDS.items() if isinstance(layer, kinds)), None)
    if kind is not None:
        return [(name, kind, shapes["weight"], "bias" in shapes)]
    if any(True for _ in layer.buffers(recurse=False)):
        raise NotImplementedError(f"no kind for {type(layer).__name__}, which has buffers: add one here")
    return [(f"{name}.{key}", "parameter", shape, False) for key, shape in shapes.items()]


def _dimension(pair: tuple[int, int], probes: tuple[_Probe, _Probe]) -> Any:
    one, other = probes
    if pair[0] == pair[1]:
        return pair[0]
    if pair == (one.classes, other.classes):
        return "classes"
    if pair == (one.channels, other.channels):
        return "channels"
    windows = _windows(one.network)
    places = prod(places_left(side, windows) for side in one.size)
    filters = pair[0] // places
    return {"filters": "channels" if filters == one.channels else filters, "windows": windows}


def _windows(network: nn.Module) -> list[tuple[Any, Any, Any]]:
    """Kernel, stride and padding of what stands before the layer that flattens. The network is one sequence."""
    found: list[tuple[Any, Any, Any]] = []
    for layer in network.children():
        if isinstance(layer, nn.Flatten):
            break
        if isinstance(layer, nn.Conv2d):
            found.append((layer.kernel_size[0], layer.stride[0], layer.padding[0]))
        elif isinstance(layer, nn.MaxPool2d):
            found.append((layer.kernel_size, layer.stride, layer.padding))
    return found


if __name__ == "__main__":
    main()
