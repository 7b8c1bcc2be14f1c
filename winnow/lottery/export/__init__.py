"""A network as an ONNX graph without values, made once for all levels; `winnow.artifact.graph.fill` puts values in.

Written node by node from torch's own trace (torch.fx) and not by torch.onnx: its exporter takes 4.7 s and 170 MB for
`lenet_300_100`, this takes milliseconds, folds nothing, names no file of this machine and gives the same bytes in
every process. A new architecture with a layer that is not known gets a rule in `layers.py`; one that calls functions
on tensors, in `calls.py`.
"""

from typing import Any

import torch
from onnx import TensorProto, helper
from torch import fx, nn

from winnow.lottery.architectures import outline
from winnow.lottery.architectures.cifar_resnet import Shortcut
from winnow.lottery.export.calls import called
from winnow.lottery.export.layers import Nodes, layer_nodes

OPSET = 17
IR_VERSION = 8

Shapes = dict[str, tuple[int, ...]]


def graph(architecture: str, classes: int, channels: int, size: tuple[int, int]) -> bytes:
    """The ONNX graph: `input` float32 N×channels×size, `logits` N×classes; initializers named as in the state dict.

    Raises NotImplementedError for a layer that has no rule.
    """
    network = outline(architecture, classes, channels, size).eval()
    traced = LayerTracer().trace(network)
    shapes = _shapes(network, traced, (channels, *size))
    nodes = [node for step in traced.nodes for node in _translated(step, network, shapes)]
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


class _Measuring(fx.Interpreter):
    """Keeps the shape of what each node of a trace gives."""

    def __init__(self, network: fx.GraphModule, found: Shapes) -> None:
        super().__init__(network)
        self.found = found

    def run_node(self, node: fx.Node) -> Any:
        value = super().run_node(node)
        if isinstance(value, torch.Tensor):
            self.found[node.name] = tuple(value.shape)
        return value


def _shapes(network: nn.Module, traced: fx.Graph, image: tuple[int, ...]) -> Shapes:
    """Of one image, without memory. What is no tensor, such as the size of one, is not in it."""
    found: Shapes = {}
    with torch.no_grad():
        _Measuring(fx.GraphModule(network, traced), found).run(torch.empty(1, *image, device="meta"))
    return found


def _translated(step: fx.Node, network: nn.Module, shapes: Shapes) -> Nodes:
    before = step.all_input_nodes
    arguments = [_name(node) for node in before]
    match step.op, step.target:
        case (("placeholder" | "get_attr"), _):
            return []
        case "output", _:
            return [helper.make_node("Identity", arguments, ["logits"])]
        case "call_module", str(name):
            return layer_nodes(network.get_submodule(name), name, arguments[0], step.name, shapes[before[0].name])
    return called(step, arguments, shapes)


def _name(node: fx.Node) -> str:
    """Of what a node gives. A parameter has its own."""
    return {"placeholder": "input", "get_attr": str(node.target)}.get(node.op, node.name)
