"""LeNet-5: LeCun et al. 1998, "Gradient-based learning applied to document recognition".

In the form with 20 and 50 filters and 500 units whose 431,000 parameters Han et al. 2015, arXiv:1506.02626, and the
pruning papers after it count.
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
