"""LeNet-5: LeCun et al. 1998, "Gradient-based learning applied to document recognition".

In the form with 20 and 50 filters and 500 units whose 431,000 parameters Han et al. 2015, arXiv:1506.02626, and the
pruning papers after it count; and in the paper's own widths, with max pooling and ReLU.
"""

from collections import OrderedDict

from torch import nn


def lenet5(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """Two 5×5 convolutions without padding, each followed by pooling, then two linear layers."""
    height, width = (((side - 4) // 2 - 4) // 2 for side in size)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 20, 5),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, 5),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(50 * height * width, 500),
            relu1=nn.ReLU(),
            fc2=nn.Linear(500, classes),
        )
    )


def lenet5_relu(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """Two 5×5 convolutions of 6 (padded) and 16 filters, each followed by pooling, then 120 and 84 units."""
    height, width = ((side // 2 - 4) // 2 for side in size)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 6, 5, padding=2),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(6, 16, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(16 * height * width, 120),
            relu3=nn.ReLU(),
            fc2=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            fc3=nn.Linear(84, classes),
        )
    )
