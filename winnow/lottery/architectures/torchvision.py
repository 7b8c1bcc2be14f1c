"""torchvision's classifiers, by its own names: layers, tensors and logits are torchvision's.

Three things differ. Nothing is dropped unless `dropout` is asked for, and then by Winnow's own numbers: an identity
stands in place of each dropout, under its name; stochastic depth there is none. Pooling to a fixed size other than 1×1
is written as two products, as torch's has no deterministic backward pass on CUDA. And values are set by `train.init`,
not by torchvision's own initialisers, of which nearly every network has another.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.lottery.torchvision_import import torchvision

OPTIONS: dict[str, dict[str, bool]] = {
    # Without the auxiliary heads, whose gradients only early ImageNet training needed.
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}


@fx.wrap  # one step of a trace, as it looks at sizes
def adaptive_mean(images: Tensor, side: int) -> Tensor:
    """Adaptive average pooling of N×C×H×W to N×C×side×side: means over windows that may overlap, or repeat pixels."""
    if images.shape[2:] == (side, side):
        return images
    rows, columns = (shares(length, side).to(images) for length in images.shape[2:])
    return rows @ images @ columns.T


class AdaptiveMean(nn.Module):
    """`adaptive_mean` as a layer."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        """N×C×H×W to N×C×side×side."""
        return adaptive_mean(images, self.side)


def shares(length: int, side: int) -> Tensor:
    """What share each of `length` pixels has in each of `side` means: side×length, in main memory."""
    places, pixels = torch.arange(side)[:, None], torch.arange(length)
    inside = (pixels >= places * length // side) & (pixels < -(-(places + 1) * length // side))
    return inside / inside.sum(1, keepdim=True)


class _CountingInMainMemory(TorchFunctionMode):
    """RegNets compute their widths with tensors, which have no values where networks are outlined."""

    def __torch_function__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        here = {"device": "cpu"} if function in {torch.arange, torch.tensor} else {}
        return function(*args, **(kwargs or {}) | here)


def __getattr__(name: str) -> Callable[[int, int, tuple[int, int]], nn.Module]:
    """The builder of torchvision's classifier of that name."""
    if f"torchvision/{name}" not in ARCHITECTURES:
        raise AttributeError(name)
    return partial(_classifier, name)


def _classifier(name: str, classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    with _CountingInMainMemory():
        network = cast(nn.Module, torchvision("models").get_model(name, num_classes=classes, **OPTIONS.get(name, {})))
    for parent in list(network.modules()):
        for place, layer in parent.named_children():
            setattr(parent, place, _own(layer))
    if channels != 3:
        _take(channels, next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d)))
    return network


def _own(layer: nn.Module) -> nn.Module:
    if isinstance(layer, nn.Dropout | torchvision("ops").StochasticDepth):
        return nn.Identity()
    if isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size not in {1, (1, 1)}:
        return AdaptiveMean(cast(tuple[int, int], layer.output_size)[0])
    return layer


def _take(channels: int, first: nn.Conv2d) -> None:
    """Let the first convolution take images of so many channels."""
    first.in_channels = channels
    first.weight = nn.Parameter(torch.empty(first.out_channels, channels, *first.kernel_size))
