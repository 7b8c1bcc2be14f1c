"""Networks by name. Each file builds one family; a builder takes classes, channels and the image size in pixels.

Tensor names are part of every key and file: `winnow.contract.catalog` tells them to those that have no torch.
"""

from collections.abc import Callable

import torch
from torch import nn

from winnow.contract.results import LayerKind
from winnow.lottery.architectures.digits_cnn import digits_cnn
from winnow.lottery.architectures.lenet5 import lenet5
from winnow.lottery.architectures.lenet_300_100 import lenet_300_100
from winnow.lottery.architectures.resnet20 import resnet20
from winnow.lottery.architectures.vgg import conv2, conv4, conv6

Builder = Callable[[int, int, tuple[int, int]], nn.Module]

BUILDERS: dict[str, Builder] = {
    "lenet_300_100": lenet_300_100,
    "lenet5": lenet5,
    "conv2": conv2,
    "conv4": conv4,
    "conv6": conv6,
    "resnet20": resnet20,
    "digits_cnn": digits_cnn,
}


def build(name: str, classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """The network in main memory, in training mode, its values not set yet: no random number is drawn.

    It maps N×channels×size float32 images to N×classes logits.
    """
    with torch.device("meta"):
        network = BUILDERS[name](classes, channels, size)
    return network.to_empty(device="cpu")


def prunable(network: nn.Module) -> dict[str, LayerKind]:
    """Name → kind of each prunable tensor, in order: weights of convolutions and linear layers, nothing else.

    The last linear layer is the output. Told from the type of the layer, never from a name: batch norm has a
    "weight" too, and a mask over it ruins every random arm (trap 13).
    """
    found: dict[str, LayerKind] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            found[f"{name}.weight"] = "conv"
        elif isinstance(module, nn.Linear):
            found[f"{name}.weight"] = "linear"
    last = next(name for name in reversed(found) if found[name] == "linear")
    return found | {last: "output"}
