"""Frozen parts of a network, and the place where what is frozen ends.

A frozen layer is not trained and stands in evaluation mode: its normalisation keeps the statistics that it came with.
What stands before everything that trains is a function of the image alone. It can be computed once: those are features.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from operator import getitem
from typing import NamedTuple

from torch import fx, nn

from winnow.lottery.export import LayerTracer


class Cut(NamedTuple):
    """A network in two: images → features, features → logits. Both share its layers, under their names."""

    before: nn.Module
    after: nn.Module


def freeze(network: nn.Module, trainable: Collection[str]) -> None:
    """Let only what lies in these modules train; every other layer stands in evaluation mode from now on."""
    for name, module in network.named_modules():
        if not _within(name, trainable) and not any(module.children()):
            module.eval()
            module.requires_grad_(requires_grad=False)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(_within(name, trainable))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """In evaluation mode; afterwards each layer is in the mode in which it was."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def cut(network: nn.Module, trainable: Collection[str]) -> Cut | None:
    """The network cut at the last tensor of the frozen part through which all that trains sees the image.

    What is frozen and lies beside what trains, such as a shortcut, comes behind the cut. None where only the image
    itself is seen by all. Traced by torch.fx, layer by layer, as the ONNX graph is.
    """
    traced = LayerTracer().trace(network)
    alive: set[fx.Node] = set()
    for node in traced.nodes:
        trains = node.op in ("call_module", "get_attr") and _within(str(node.target), trainable)
        if trains or not alive.isdisjoint(node.all_input_nodes):
            alive.add(node)
    (output,) = traced.find_nodes(op="output")
    for last in reversed([node for node in traced.nodes if node not in alive and _is_tensor(node)]):
        behind = _needed(traced, output, last)
        if not any(node.op == "placeholder" for node in behind):
            before = _needed(traced, last)
            return Cut(_module(network, _before(traced, before, last)), _module(network, _after(traced, behind, last)))
    return None


def _is_tensor(node: fx.Node) -> bool:
    """Whether a node gives one tensor that was computed: several come as a tuple, of which items are taken."""
    return node.op.startswith("call") and not any(user.target is getitem for user in node.users)


def _needed(traced: fx.Graph, wanted: fx.Node, known: fx.Node | None = None) -> set[fx.Node]:
    """A node and all that it still needs where the value of another is known."""
    needed = {wanted}
    for node in reversed(traced.nodes):
        if node in needed:
            needed.update(one for one in node.all_input_nodes if one is not known)
    return needed


def _before(traced: fx.Graph, needed: Collection[fx.Node], last: fx.Node) -> fx.Graph:
    graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in traced.nodes:
        if node in needed:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(copies[last])
    return graph


def _after(traced: fx.Graph, behind: Collection[fx.Node], last: fx.Node) -> fx.Graph:
    graph = fx.Graph()
    copies = {last: graph.placeholder("features")}
    for node in traced.nodes:
        if node in behind:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    return graph


def _module(network: nn.Module, graph: fx.Graph) -> nn.Module:
    module = fx.GraphModule(network, graph)
    used = {str(node.target) for node in graph.nodes if node.op == "call_module"}
    modes = {name: child.training for name, child in network.named_modules()}
    module.delete_all_unused_submodules()
    for name in used:
        module.get_submodule(name).training = modes[name]
    return module


def _within(name: str, modules: Collection[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def behind(network: nn.Module, trainable: Collection[str]) -> nn.Module:
    """What comes behind the features of a network that can be cut."""
    found = cut(network, trainable)
    assert found is not None  # noqa: S101 - the caller's mistake: its features were made by this very cut
    return found.after
