"""A network as an ONNX graph without values, made once for all levels; `winnow.artifact.graph.fill` puts values in.

Written node by node from torch's own trace (torch.fx) and not by torch.onnx: its exporter takes 4.7 s and 170 MB for
`lenet_300_100`, this takes milliseconds, folds nothing, names no file of this machine and gives the same bytes in
every process. A new architecture with a layer that is not known here gets a rule here.
"""

import operator
from typing import Any

import onnx
from onnx import TensorProto, helper
from torch import fx, nn

from winnow.lottery.architectures import build
from winnow.lottery.architectures.cifar_resnet import Shortcut

OPSET = 17
IR_VERSION = 8

Nodes = list[onnx.NodeProto]


def graph(architecture: str, classes: int, channels: int, size: tuple[int, int]) -> bytes:
    """The ONNX graph: `input` float32 N×channels×size, `logits` N×classes; initializers named as in the state dict.

    Raises NotImplementedError for a layer that has no rule here.
    """
    network = build(architecture, classes, channels, size)
    nodes = [node for traced in LayerTracer().trace(network).nodes for node in _translated(traced, network)]
    used = {name for node in nodes for name in node.input}
    places = [
        TensorProto(name=name, dims=list(tensor.shape), data_type=TensorProto.FLOAT)
        for name, tensor in network.state_dict().items()
        if name in used
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            architecture,
            inputs=[helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", channels, *size])],
            outputs=[helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])],
            initializer=places,
        ),
        producer_name="winnow",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    return bytes(model.SerializeToString(deterministic=True))


class LayerTracer(fx.Tracer):
    """Stops at torch's layers and at the shortcut, which has slices that depend on nothing."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        """Whether a module is one node."""
        return isinstance(module, Shortcut) or super().is_leaf_module(module, name)


def _translated(traced: fx.Node, network: nn.Module) -> Nodes:
    out = traced.name
    arguments = ["input" if node.op == "placeholder" else node.name for node in traced.all_input_nodes]
    match traced.op, traced.target:
        case "placeholder", _:
            return []
        case "output", _:
            return [helper.make_node("Identity", arguments, ["logits"])]
        case "call_module", str(name):
            return _layer(network.get_submodule(name), name, arguments[0], out)
        case _, operator.add:
            return [helper.make_node("Add", arguments, [out])]
        case "call_method", "mean":
            return [helper.make_node("ReduceMean", arguments, [out], axes=traced.args[1], keepdims=0)]
    raise NotImplementedError(f"no ONNX rule for {traced.op} {traced.target}: add one here")


def _layer(layer: nn.Module, name: str, x: str, out: str) -> Nodes:
    values: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    match layer:
        case Shortcut():
            return _shortcut(layer, x, out)
        case nn.Conv2d(kernel_size=kernel, stride=stride, padding=padding):
            kind, values = "Conv", ("weight", "bias")
            options = {"kernel_shape": kernel, "strides": stride, "pads": [*padding, *padding]}
        case nn.BatchNorm2d(eps=epsilon):
            kind, values = "BatchNormalization", ("weight", "bias", "running_mean", "running_var")
            options = {"epsilon": epsilon}
        case nn.Linear():
            kind, values, options = "Gemm", ("weight", "bias"), {"transB": 1}
        case nn.MaxPool2d(kernel_size=side, stride=stride):
            kind, options = "MaxPool", {"kernel_shape": [side, side], "strides": [stride, stride]}
        case nn.ReLU() | nn.Flatten() | nn.Identity():
            kind = {"ReLU": "Relu"}.get(type(layer).__name__, type(layer).__name__)
        case _:
            raise NotImplementedError(f"no ONNX rule for {type(layer).__name__}: add one here")
    held = [f"{name}.{value}" for value in values if getattr(layer, value) is not None]
    return [helper.make_node(kind, [x, *held], [out], **options)]


def _shortcut(layer: Shortcut, x: str, out: str) -> Nodes:
    constants = {"starts": [0, 0], "ends": [2**31 - 1] * 2, "axes": [2, 3], "steps": [2, 2]}
    constants["pads"] = [0, layer.before, 0, 0, 0, layer.after, 0, 0]
    names = {key: f"{out}_{key}" for key in constants}
    return [
        *(helper.make_node("Constant", [], [names[key]], value_ints=values) for key, values in constants.items()),
        helper.make_node("Slice", [x, *(names[key] for key in ("starts", "ends", "axes", "steps"))], [f"{out}_half"]),
        helper.make_node("Pad", [f"{out}_half", names["pads"]], [out]),
    ]
