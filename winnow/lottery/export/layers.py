"""The ONNX nodes of each kind of layer."""

import math
from typing import Any

import numpy as np
import onnx
from onnx import helper
from torch import nn

from winnow.lottery.architectures.cifar_resnet import Shortcut

Nodes = list[onnx.NodeProto]

PLAIN = {
    nn.ReLU: "Relu",
    nn.Sigmoid: "Sigmoid",
    nn.Hardswish: "HardSwish",
    nn.Identity: "Identity",
}


def layer_nodes(layer: nn.Module, name: str, x: str, out: str, shape: tuple[int, ...]) -> Nodes:
    """The nodes that make `out` of `x`, which has this shape for one image; `name` is the layer's in the state dict.

    Raises NotImplementedError for a layer that has no rule here.
    """
    if type(layer) in PLAIN:
        return [helper.make_node(PLAIN[type(layer)], [x], [out])]
    match layer:
        case nn.Conv2d() | nn.BatchNorm2d() | nn.LayerNorm() | nn.Linear():
            return _with_tensors(layer, name, x, out, shape)
        case nn.MaxPool2d() | nn.AvgPool2d() | nn.AdaptiveAvgPool2d():
            return _pool(layer, x, out)
        case nn.Flatten(start_dim=1):
            return [helper.make_node("Flatten", [x], [out])]
        case Shortcut():
            return _shortcut(layer, x, out)
    return _activation(layer, x, out)


def constant(name: str, value: Any) -> onnx.NodeProto:
    """A node that gives a number, whole numbers in a row, or an array."""
    if isinstance(value, np.ndarray):
        return helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(value))
    if isinstance(value, float):
        return helper.make_node("Constant", [], [name], value_float=value)
    return helper.make_node("Constant", [], [name], value_ints=value)


def _activation(layer: nn.Module, x: str, out: str) -> Nodes:
    match layer:
        case nn.ReLU6():
            low, high = f"{out}_low", f"{out}_high"
            return [constant(low, 0.0), constant(high, 6.0), helper.make_node("Clip", [x, low, high], [out])]
        case nn.Hardsigmoid():
            return [helper.make_node("HardSigmoid", [x], [out], alpha=1 / 6, beta=0.5)]
        case nn.SiLU():
            return [helper.make_node("Sigmoid", [x], [f"{out}_s"]), helper.make_node("Mul", [x, f"{out}_s"], [out])]
        case nn.GELU(approximate="none"):
            return _gelu(x, out)
    raise NotImplementedError(f"no ONNX rule for {layer}: add one here")


def _with_tensors(layer: nn.Module, name: str, x: str, out: str, shape: tuple[int, ...]) -> Nodes:
    values: tuple[str, ...] = ("weight", "bias")
    options: dict[str, Any] = {}
    match layer:
        case nn.Conv2d(kernel_size=kernel, stride=stride, padding=padding, dilation=dilation, groups=groups):
            kind = "Conv"
            options = {"kernel_shape": kernel, "strides": stride, "pads": [*padding, *padding]}
            options |= {"dilations": dilation} if dilation != (1, 1) else {}
            options |= {"group": groups} if groups > 1 else {}
        case nn.BatchNorm2d(eps=epsilon):
            kind, options = "BatchNormalization", {"epsilon": epsilon}
            values += ("running_mean", "running_var")
        case nn.LayerNorm(eps=epsilon, normalized_shape=normalised):
            kind, options = "LayerNormalization", {"epsilon": epsilon, "axis": -len(normalised)}
        case _ if len(shape) > 2:
            return _of_each_pixel(name, x, out)
        case _:
            kind, options = "Gemm", {"transB": 1}
    held = [f"{name}.{value}" for value in values if getattr(layer, value) is not None]
    return [helper.make_node(kind, [x, *held], [out], **options)]


def _of_each_pixel(name: str, x: str, out: str) -> Nodes:
    """A linear layer, with a bias, of more than vectors."""
    return [
        helper.make_node("Transpose", [f"{name}.weight"], [f"{out}_t"], perm=[1, 0]),
        helper.make_node("MatMul", [x, f"{out}_t"], [f"{out}_p"]),
        helper.make_node("Add", [f"{out}_p", f"{name}.bias"], [out]),
    ]


def _pool(layer: nn.Module, x: str, out: str) -> Nodes:
    match layer:
        case nn.MaxPool2d(dilation=1):
            return [helper.make_node("MaxPool", [x], [out], **_window(layer))]
        case nn.AvgPool2d(divisor_override=None):
            counted = int(layer.count_include_pad)
            return [helper.make_node("AveragePool", [x], [out], count_include_pad=counted, **_window(layer))]
        case nn.AdaptiveAvgPool2d(output_size=1 | (1, 1)):
            return [helper.make_node("GlobalAveragePool", [x], [out])]
    raise NotImplementedError(f"no ONNX rule for {layer}: add one here")


def _window(layer: nn.MaxPool2d | nn.AvgPool2d) -> dict[str, Any]:
    kernel, stride, padding = (_both(value) for value in (layer.kernel_size, layer.stride, layer.padding))
    options: dict[str, Any] = {"kernel_shape": kernel, "strides": stride}
    options |= {"pads": [*padding, *padding]} if any(padding) else {}
    return options | ({"ceil_mode": 1} if layer.ceil_mode else {})


def _both(value: Any) -> list[int]:
    return list(value) if isinstance(value, tuple) else [value, value]


def _gelu(x: str, out: str) -> Nodes:
    """The definition: x · (1 + erf(x ÷ √2)) ÷ 2. Opset 17 has none of its own."""
    return [
        constant(f"{out}_root", math.sqrt(2)),
        constant(f"{out}_one", 1.0),
        constant(f"{out}_half", 0.5),
        helper.make_node("Div", [x, f"{out}_root"], [f"{out}_d"]),
        helper.make_node("Erf", [f"{out}_d"], [f"{out}_e"]),
        helper.make_node("Add", [f"{out}_e", f"{out}_one"], [f"{out}_a"]),
        helper.make_node("Mul", [x, f"{out}_a"], [f"{out}_m"]),
        helper.make_node("Mul", [f"{out}_m", f"{out}_half"], [out]),
    ]


def _shortcut(layer: Shortcut, x: str, out: str) -> Nodes:
    constants = {"starts": [0, 0], "ends": [2**31 - 1] * 2, "axes": [2, 3], "steps": [2, 2]}
    constants["pads"] = [0, layer.before, 0, 0, 0, layer.after, 0, 0]
    names = {key: f"{out}_{key}" for key in constants}
    return [
        *(constant(names[key], values) for key, values in constants.items()),
        helper.make_node("Slice", [x, *(names[key] for key in ("starts", "ends", "axes", "steps"))], [f"{out}_half"]),
        helper.make_node("Pad", [f"{out}_half", names["pads"]], [out]),
    ]
