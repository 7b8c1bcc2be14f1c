"""VGG for small images: Simonyan & Zisserman 2015, arXiv:1409.1556, configurations A, D and E.

In the form that CIFAR is trained with (Frankle et al. 2020, arXiv:1912.05671): batch norm after each convolution, which
then needs no bias (Ioffe & Szegedy 2015, arXiv:1502.03167), and in place of the last pool and the paper's three linear
layers the mean and one linear layer.
"""

from collections import OrderedDict

from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 512)


class Mean(nn.Module):
    """The mean over all pixels, plain: the backward pass of adaptive pooling has no deterministic form on CUDA."""

    def forward(self, images: Tensor) -> Tensor:
        """N×channels×H×W to N×channels."""
        return images.mean((2, 3))


def vgg11(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    """Eight convolutions and one linear layer."""
    return _vgg((1, 1, 2, 2, 2), classes, channels)


def vgg16(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    """Thirteen convolutions and one linear layer."""
    return _vgg((2, 2, 3, 3, 3), classes, channels)


def vgg19(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    """Sixteen convolutions and one linear layer."""
    return _vgg((2, 2, 4, 4, 4), classes, channels)


def _vgg(counts: tuple[int, ...], classes: int, channels: int) -> nn.Module:
    """Blocks of 3×3 convolutions, with pools between them; all are numbered through."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    inward, number = channels, 0
    for block, (count, width) in enumerate(zip(counts, WIDTHS, strict=True)):
        if block:
            layers[f"pool{block}"] = nn.MaxPool2d(2)
        for _ in range(count):
            number += 1
            layers[f"conv{number}"] = nn.Conv2d(inward, width, 3, padding=1, bias=False)
            layers[f"bn{number}"] = nn.BatchNorm2d(width)
            layers[f"relu{number}"] = nn.ReLU()
            inward = width
    layers["mean"] = Mean()
    layers["fc"] = nn.Linear(inward, classes)
    return nn.Sequential(layers)
