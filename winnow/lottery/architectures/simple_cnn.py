"""A plain convolution net for photographs of about 150×150.

Two convolutions, each followed by pooling, as in LeNet-5 (LeCun et al. 1998), with the 3×3 filters of VGG (Simonyan &
Zisserman 2015, arXiv:1409.1556).
"""

from collections import OrderedDict

from torch import nn


def simple_cnn(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """Two 3×3 convolutions of 32 filters, each followed by pooling, then 128 units."""
    height, width = (side // 2 // 2 for side in size)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 32, 3, padding=1),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(32, 32, 3, padding=1),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(32 * height * width, 128),
            relu3=nn.ReLU(),
            fc2=nn.Linear(128, classes),
        )
    )
