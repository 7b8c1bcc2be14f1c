"""A small convolution net for images of 32×32, which it turns into 800 features.

Convolutions without padding, as in LeNet-5 (LeCun et al. 1998), with ever fewer filters and one pool.
"""

from collections import OrderedDict

from torch import nn


def cifar_cnn(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """Convolutions of 32 and 16 filters 5×5, a pool, 8 filters 3×3, then 128 units."""
    height, width = ((side - 8) // 2 - 2 for side in size)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 32, 5),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(32, 16, 5),
            relu2=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            conv3=nn.Conv2d(16, 8, 3),
            relu3=nn.ReLU(),
            flatten=nn.Flatten(),
            fc1=nn.Linear(8 * height * width, 128),
            relu4=nn.ReLU(),
            fc2=nn.Linear(128, classes),
        )
    )
