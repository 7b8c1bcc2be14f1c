"""The ONNX nodes of what a network calls beside its layers: sums, concatenations, views, functions of torch."""

import inspect
import operator
from collections.abc import Mapping
from typing import Any

import torch
from onnx import helper
from torch import fx, nn
from torch.nn import functional

from winnow.lottery.architectures import torchvision
from winnow.lottery.export.layers import Nodes, constant, layer_nodes

# Functions that do what a layer of the same arguments does.
AS_LAYERS: dict[Any, type[nn.Module]] = {
    functional.relu: nn.ReLU,
    functional.max_pool2d: nn.MaxPool2d,
    functional.avg_pool2d: nn.AvgPool2d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
    torch.flatten: nn.Flatten,
    "flatten": nn.Flatten,
}
BINARY: dict[Any, str] = {operator.add: "Add", operator.mul: "Mul"}


def called(step: fx.Node, arguments: list[str], shapes: Mapping[str, tuple[int, ...]]) -> Nodes:
    """The nodes of a call in a trace, whose tensors have these names, and these shapes for one image.

    Raises NotImplementedError for a call that has no rule here.
    """
    target, out = step.target, step.name
    rest: tuple[Any, ...] = step.args[1:]
    if target in AS_LAYERS:
        layer = AS_LAYERS[target](*rest, **step.kwargs)
        return layer_nodes(layer, "", arguments[0], out, shapes[step.all_input_nodes[0].name])
    if target in BINARY and len(arguments) == 2:
        return [helper.make_node(BINARY[target], arguments, [out])]
    match target:
        case torch.cat:
            return [helper.make_node("Concat", arguments, [out], axis=_axis(rest, step.kwargs))]
        case functional.layer_norm:
            return _layer_norm(step, arguments)
    return _of_one(step, rest, arguments[0], shapes)


def _of_one(step: fx.Node, rest: tuple[Any, ...], x: str, shapes: Mapping[str, tuple[int, ...]]) -> Nodes:
    match step.target:
        case "mean":
            return [helper.make_node("ReduceMean", [x], [step.name], axes=rest[0], keepdims=0)]
        case torchvision.adaptive_mean:
            return _adaptive_mean(rest[0], x, step.name, shapes[step.all_input_nodes[0].name])
    return _moved(step, rest, x, shapes)


def _moved(step: fx.Node, rest: tuple[Any, ...], x: str, shapes: Mapping[str, tuple[int, ...]]) -> Nodes:
    """What changes no value: other axes, other shapes, parts."""
    out, shape = step.name, shapes.get(step.name)
    match step.target:
        case "chunk":  # its parts are named after the whole
            parts = [f"{out}_{part}" for part in range(rest[0])]
            return [helper.make_node("Split", [x], parts, axis=_axis(rest[1:], step.kwargs))]
        case "size" | operator.getitem | operator.floordiv if shape is None:
            return []  # computes with sizes, which `view` has as numbers
        case operator.getitem:
            return [helper.make_node("Identity", [f"{x}_{rest[0]}"], [out])]
        case "contiguous":
            return [helper.make_node("Identity", [x], [out])]
        case "view" if shape is not None:
            return [constant(f"{out}_as", [-1, *shape[1:]]), helper.make_node("Reshape", [x, f"{out}_as"], [out])]
        case "permute" | torch.permute | torch.transpose if shape is not None:
            return [helper.make_node("Transpose", [x], [out], perm=_order(step, rest, len(shape)))]
    raise NotImplementedError(f"no ONNX rule for {step.op} {step.target}: add one here")


def _order(step: fx.Node, rest: tuple[Any, ...], axes: int) -> list[int]:
    """Which axis comes where."""
    if step.target != torch.transpose:
        return list(rest[0]) if isinstance(rest[0], tuple | list) else list(rest)
    order = list(range(axes))
    first, second = rest
    order[first], order[second] = second, first
    return order


def _layer_norm(step: fx.Node, arguments: list[str]) -> Nodes:
    given = inspect.signature(functional.layer_norm).bind(*step.args, **step.kwargs).arguments
    options = {"axis": -len(given["normalized_shape"]), "epsilon": given["eps"]}
    return [helper.make_node("LayerNormalization", arguments, [step.name], **options)]


def _adaptive_mean(side: int, x: str, out: str, shape: tuple[int, ...]) -> Nodes:
    if shape[2:] == (side, side):
        return [helper.make_node("Identity", [x], [out])]
    rows, columns = (torchvision.shares(length, side) for length in shape[2:])
    return [
        constant(f"{out}_rows", rows.numpy()),
        constant(f"{out}_columns", columns.T.contiguous().numpy()),
        helper.make_node("MatMul", [f"{out}_rows", x], [f"{out}_r"]),
        helper.make_node("MatMul", [f"{out}_r", f"{out}_columns"], [out]),
    ]


def _axis(rest: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    return named.get("dim", rest[0] if rest else 0)
