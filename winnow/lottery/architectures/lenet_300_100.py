"""LeNet-300-100: LeCun et al. 1998, "Gradient-based learning applied to document recognition".

With ReLU, as in Frankle & Carbin 2019, arXiv:1803.03635.
"""

from collections import OrderedDict

from torch import nn


def lenet_300_100(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """Two hidden layers of 300 and 100 units."""
    pixels = channels * size[0] * size[1]
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(pixels, 300),
            relu1=nn.ReLU(),
            fc2=nn.Linear(300, 100),
            relu2=nn.ReLU(),
            fc3=nn.Linear(100, classes),
        )
    )
