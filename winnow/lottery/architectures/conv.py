"""Conv-2, Conv-4 and Conv-6: Frankle & Carbin 2019, arXiv:1803.03635, figure 2.

Scaled-down VGG (Simonyan & Zisserman 2015, arXiv:1409.1556).
"""

from collections import OrderedDict

from torch import nn

WIDTHS = (64, 128, 256)


def conv2(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """One block of two convolutions, then three linear layers."""
    return _conv(1, classes, channels, size)


def conv4(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """Two blocks of two convolutions, then three linear layers."""
    return _conv(2, classes, channels, size)


def conv6(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """Three blocks of two convolutions, then three linear layers."""
    return _conv(3, classes, channels, size)


def _conv(blocks: int, classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    inward = channels
    for block, width in enumerate(WIDTHS[:blocks], start=1):
        for number in (2 * block - 1, 2 * block):
            layers[f"conv{number}"] = nn.Conv2d(inward, width, 3, padding=1)
            layers[f"relu{number}"] = nn.ReLU()
            inward = width
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    height, width = (side // 2**blocks for side in size)
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(inward * height * width, 256)
    layers["relu_fc1"] = nn.ReLU()
    layers["fc2"] = nn.Linear(256, 256)
    layers["relu_fc2"] = nn.ReLU()
    layers["fc3"] = nn.Linear(256, classes)
    return nn.Sequential(layers)
