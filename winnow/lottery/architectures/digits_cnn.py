"""A small convolution net for 8×8 digits.

The block of Conv-2 (Frankle & Carbin 2019, arXiv:1803.03635), narrowed to what images of this size need.
"""

from collections import OrderedDict

from torch import nn


def digits_cnn(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """Two 3×3 convolutions with 16 and 32 filters, pooling, 128 units."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 16, 3, padding=1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(16, 32, 3, padding=1),
            relu2=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(32 * (size[0] // 2) * (size[1] // 2), 128),
            relu3=nn.ReLU(),
            fc2=nn.Linear(128, classes),
        )
    )
