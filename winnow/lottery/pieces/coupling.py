"""Which channels go together: what each output and each input of a layer depends on, found on the network's graph.

The dependencies of Fang et al. 2023, "DepGraph: towards any structural pruning", arXiv:2301.12900: a channel is removed
with its filter in every layer that makes it and its slice in every layer that takes it in. Sums and products tie the
channels that they meet, concatenation and flattening carry each to where it stands afterwards.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

Numbers = NDArray[np.int64]

STAYS = -1
"""In place of a channel's number: of the input image, of the logits, or of what nobody may touch."""

# While a network is walked through, labels stand in for values: whose channel is this?
NOBODY = 0  # a constant: zeros that a shortcut pads with
KEPT = 1  # a channel that has to stay

CARRIED = (
    *(nn.BatchNorm2d, nn.Dropout, nn.Identity),
    *(nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.Sigmoid),
)
POOLED = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
CARRYING = {
    "relu",
    "relu_",
    "relu6",
    "hardswish",
    "hardsigmoid",
    "silu",
    "sigmoid",
    "dropout",
    "stochastic_depth",
    "clone",
}
TYING = {"add", "iadd", "add_", "sub", "mul", "imul", "mul_"}
POOLING = {"max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_mean"}
MOVING = {"cat", "concat", "flatten", "view", "reshape", "permute", "transpose", "contiguous", "chunk", "split", "pad"}
MOVING |= {"getitem", "getattr", "size", "squeeze", "unsqueeze"}


@dataclass(frozen=True)
class Coupling:
    """The number of the channel that each output (dimension 0) and input (dimension 1) of a tensor belongs to.

    Channels are numbered from 0; what stays has STAYS. A tensor without inputs here has none of its own: a depthwise
    convolution's filter is all of its channel.
    """

    outputs: Mapping[str, Numbers]
    inputs: Mapping[str, Numbers]
    channels: int


def coupling(network: nn.Module, image: tuple[int, int, int], prunable: Collection[str]) -> Coupling:
    """The channels of a network for images of that shape (C×H×W), by the names of its prunable tensors.

    A channel that reaches a tensor which is not prunable, the logits, or something of which it is not known what it
    does with channels, stays.
    """
    walk = _Walk(network.to("meta"))
    found = walk.run(torch.full((1, *image), KEPT))
    walk.keep(found)
    for table in (walk.outputs, walk.inputs):
        for name, labels in table.items():
            if name not in prunable:
                walk.keep(labels)
    return _numbered(walk)


def _numbered(walk: "_Walk") -> Coupling:
    roots = {name: walk.ties.roots(labels) for name, labels in walk.outputs.items()}
    kept = {NOBODY, int(walk.ties.roots(torch.tensor([KEPT]))[0])}
    makers = sorted({root for labels in roots.values() for root in labels.tolist()} - kept)
    numbers = {root: number for number, root in enumerate(makers)}

    def numbered(labels: Tensor) -> Numbers:
        return np.array([numbers.get(root, STAYS) for root in walk.ties.roots(labels).tolist()], dtype=np.int64)

    outputs = {name: numbered(labels) for name, labels in walk.outputs.items()}
    inputs = {name: numbered(labels) for name, labels in walk.inputs.items()}
    return Coupling(outputs, inputs, len(numbers))


class _Ties:
    """Labels that belong to one channel: a union-find. The lowest label stands for all of them."""

    def __init__(self) -> None:
        self.above: list[int] = [NOBODY, KEPT]

    def new(self, count: int) -> Tensor:
        """Labels of their own."""
        first = len(self.above)
        self.above.extend(range(first, first + count))
        return torch.arange(first, first + count)

    def tie(self, one: Tensor, other: Tensor) -> None:
        """Each of these is the same channel as its counterpart; nobody's are tied to nothing."""
        pairs = {(a, b) for a, b in zip(one.flatten().tolist(), other.flatten().tolist(), strict=True)}
        for pair in sorted(pairs):
            if NOBODY not in pair:
                low, high = sorted(map(self._root, pair))
                self.above[high] = low

    def roots(self, labels: Tensor) -> Tensor:
        """What stands for each of them."""
        return torch.tensor([self._root(label) for label in labels.tolist()], dtype=torch.int64)

    def _root(self, label: int) -> int:
        while self.above[label] != label:
            self.above[label] = label = self.above[self.above[label]]
        return label


class _Walk(fx.Interpreter):
    """Runs a network with labels in place of values: every tensor on the way has its shape, and says whose it is."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(fx.GraphModule(network, fx.Tracer().trace(network)))
        self.ties = _Ties()
        self.outputs: dict[str, Tensor] = {}
        self.inputs: dict[str, Tensor] = {}

    def keep(self, found: Any) -> None:
        """The channels of all tensors in there have to stay."""
        fx.node.map_aggregate(found, self._keep)

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        """A constant of the network."""
        return torch.full(super().get_attr(target, args, kwargs).shape, NOBODY)

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        """A layer."""
        layer, (x, *_) = self.fetch_attr(target), args
        match layer:
            case nn.Conv2d():
                return self._convolved(f"{target}.weight", layer, x)
            case nn.Linear():
                return self._mixed(f"{target}.weight", layer, x, self._by_channel(x.movedim(-1, 1)))
            case nn.Flatten():
                return layer(x)
        if isinstance(layer, CARRIED):
            return x
        if isinstance(layer, POOLED):
            return self._pooled(x, layer(_shapes(x)))
        return self._unknown(layer, args, kwargs)

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """A function, or a method of a tensor."""
        name = target if isinstance(target, str) else target.__name__
        call = getattr(type(args[0]), name) if isinstance(target, str) else target
        if name in CARRYING:
            return args[0]
        if name in MOVING:
            return call(*args, **kwargs)
        if name in TYING:
            return self._tied(*args[:2])
        if name in POOLING or (name == "mean" and _over_pixels(args, kwargs)):
            return self._pooled(args[0], call(_shapes(args[0]), *args[1:], **kwargs))
        return self._unknown(call, args, kwargs)

    call_method = call_function

    def _convolved(self, name: str, layer: nn.Conv2d, x: Tensor) -> Tensor:
        labels, groups = self._by_channel(x), layer.groups
        if groups == 1:
            return self._mixed(name, layer, x, labels)
        shape = layer(_shapes(x)).shape
        inputs = labels.reshape(groups, -1)
        if inputs.shape[1] == 1:  # depthwise: what comes out is what came in
            outputs = labels.repeat_interleave(shape[1] // groups)
        else:  # all groups stay as wide as each other: they lose the same places
            for group in inputs[1:]:
                self.ties.tie(inputs[0], group)
            outputs = self.ties.new(shape[1] // groups).repeat(groups)
            self._claim(self.inputs, name, inputs[0])
        self._claim(self.outputs, name, outputs)
        return _spread(outputs, shape)

    def _mixed(self, name: str, layer: nn.Module, x: Tensor, inputs: Tensor) -> Tensor:
        """Through weights from every input to every output: what comes out is new."""
        outputs = self.ties.new(int(layer.get_parameter("weight").shape[0]))
        self._claim(self.inputs, name, inputs)
        self._claim(self.outputs, name, outputs)
        shape = layer(_shapes(x)).shape
        return _spread(outputs, shape) if isinstance(layer, nn.Conv2d) else outputs.expand(shape)

    def _claim(self, table: dict[str, Tensor], name: str, labels: Tensor) -> None:
        """A layer that is used twice has one set of channels."""
        if name in table:
            self.ties.tie(table[name], labels)
        table[name] = labels

    def _by_channel(self, x: Tensor) -> Tensor:
        """One label a channel (dimension 1); where pixels disagree, all of the channel's stay."""
        pixels = x.movedim(1, 0).flatten(1)
        labels = pixels.amax(1)
        torn = ((pixels != NOBODY) & (pixels != labels[:, None])).any(1)
        self.keep(pixels[torn])
        return labels

    def _pooled(self, x: Tensor, like: Tensor) -> Tensor:
        return _spread(self._by_channel(x), like.shape)

    def _tied(self, one: Any, other: Any) -> Tensor:
        if not (isinstance(one, Tensor) and isinstance(other, Tensor)):
            return one if isinstance(one, Tensor) else other
        one, other = one + torch.zeros_like(other), other + torch.zeros_like(one)
        self.ties.tie(one, other)
        return torch.maximum(one, other)

    def _unknown(self, call: Any, args: Any, kwargs: Any) -> Any:
        self.keep((args, kwargs))
        made = call(*fx.node.map_aggregate(args, _shapes), **fx.node.map_aggregate(kwargs, _shapes))
        return fx.node.map_aggregate(made, _all_kept)

    def _keep(self, found: Any) -> Any:
        if isinstance(found, Tensor):
            labels = torch.tensor(sorted(set(found.flatten().tolist())))
            self.ties.tie(labels, torch.full_like(labels, KEPT))
        return found


def _spread(labels: Tensor, shape: torch.Size) -> Tensor:
    """Labels of channels over the pixels of N×C or N×C×H×W."""
    return labels.reshape(1, -1, *[1] * (len(shape) - 2)).expand(shape)


def _shapes(value: Any) -> Any:
    """A tensor without content in place of labels, to see what shape comes out."""
    return torch.empty(value.shape, device="meta") if isinstance(value, Tensor) else value


def _all_kept(value: Any) -> Any:
    return torch.full(value.shape, KEPT) if isinstance(value, Tensor) else value


def _over_pixels(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a mean of N×C×H×W is over H and W."""
    dims = args[1] if len(args) > 1 else kwargs.get("dim", ())
    wanted = {dim % 4 for dim in (dims if isinstance(dims, list | tuple) else (dims,))}
    return args[0].dim() == 4 and wanted == {2, 3}
