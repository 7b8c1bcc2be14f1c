"""Networks by name, as `winnow.contract.catalog` lists them. Each file here builds one family.

A builder has the architecture's name, or what stands behind the slash in it; it takes classes, channels and the image
size in pixels. Tensor names are part of every key and file.
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast

import torch
from torch import nn

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.results import LayerKind

Builder = Callable[[int, int, tuple[int, int]], nn.Module]


def builder(name: str) -> Builder:
    """The function of that name in its family's file."""
    return cast(Builder, getattr(import_module(f"{__name__}.{ARCHITECTURES[name].family}"), name.rpartition("/")[2]))


def outline(name: str, classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """The network without memory: its layers and the shapes of its tensors."""
    with torch.device("meta"):
        return builder(name)(classes, channels, size)


def build(name: str, classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """The network in main memory, in training mode, its values not set yet: no random number is drawn.

    It maps N×channels×size float32 images to N×classes logits.
    """
    return outline(name, classes, channels, size).to_empty(device="cpu")


def placed(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on a device, in the memory layout that is fastest there."""
    network.to(device)
    if device.type == "cpu":  # 1.1–1.2 × faster; on CUDA pooling in it has no deterministic form
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch forgot this one
    return network


def prunable(network: nn.Module) -> dict[str, LayerKind]:
    """Name → kind of each prunable tensor, in order: weights of convolutions and linear layers, nothing else.

    The last linear layer is the output; where there is none, the last convolution. Told from the type of the layer,
    never from a name: batch norm has a "weight" too, and a mask over it ruins every random arm (trap 13).
    """
    found: dict[str, LayerKind] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            found[f"{name}.weight"] = "conv"
        elif isinstance(module, nn.Linear):
            found[f"{name}.weight"] = "linear"
    last = next((name for name in reversed(found) if found[name] == "linear"), list(found)[-1])
    return found | {last: "output"}
