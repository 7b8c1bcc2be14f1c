"""ResNets for small images: He et al. 2016, "Deep residual learning for image recognition", arXiv:1512.03385.

Section 4.2: 6n + 2 layers, with the parameter-free shortcuts of the paper (option A), or with projections (option B) as
in Renda et al. 2020, arXiv:2003.02389. Names of tensors are those of akamaster's published CIFAR-10 weights.
"""

from collections.abc import Callable
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 32, 64)


class Shortcut(nn.Module):
    """Option A: every second pixel, and zeros for the channels that are missing."""

    def __init__(self, inward: int, outward: int) -> None:
        super().__init__()
        self.before = (outward - inward) // 2
        self.after = outward - inward - self.before

    def forward(self, images: Tensor) -> Tensor:
        """N×inward×H×W to N×outward×⌈H/2⌉×⌈W/2⌉."""
        return functional.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, self.before, self.after))


def projection(inward: int, outward: int) -> nn.Module:
    """Option B: a 1×1 convolution over every second pixel, and batch norm."""
    return nn.Sequential(nn.Conv2d(inward, outward, 1, stride=2, bias=False), nn.BatchNorm2d(outward))


class Block(nn.Module):
    """Two 3×3 convolutions with batch norm, and the shortcut added before the last ReLU."""

    def __init__(self, inward: int, outward: int, stride: int, shortcut: nn.Module) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inward, outward, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outward)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outward, outward, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outward)
        self.relu2 = nn.ReLU()
        self.shortcut = shortcut

    def forward(self, images: Tensor) -> Tensor:
        """N×inward×H×W to N×outward×⌈H/stride⌉×⌈W/stride⌉."""
        inner = self.relu1(self.bn1(self.conv1(images)))
        return cast(Tensor, self.relu2(self.bn2(self.conv2(inner)) + self.shortcut(images)))


class CifarResNet(nn.Module):
    """One convolution, three stages of n blocks with 16, 32 and 64 filters, the mean, one linear layer."""

    def __init__(self, depth: int, shortcut: Callable[[int, int], nn.Module], classes: int, channels: int) -> None:
        super().__init__()
        narrow, middle, wide = WIDTHS
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(channels, narrow, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.relu = nn.ReLU()
        self.layer1 = _stage(blocks, Block(narrow, narrow, 1, nn.Identity()), narrow)
        self.layer2 = _stage(blocks, Block(narrow, middle, 2, shortcut(narrow, middle)), middle)
        self.layer3 = _stage(blocks, Block(middle, wide, 2, shortcut(middle, wide)), wide)
        self.linear = nn.Linear(wide, classes)

    def forward(self, images: Tensor) -> Tensor:
        """N×channels×H×W to N×classes."""
        found = self.relu(self.bn1(self.conv1(images)))
        found = self.layer3(self.layer2(self.layer1(found)))
        # The plain mean: the backward pass of adaptive pooling has no deterministic form on CUDA.
        return cast(Tensor, self.linear(found.mean((2, 3))))


def _stage(blocks: int, first: Block, width: int) -> nn.Sequential:
    return nn.Sequential(first, *(Block(width, width, 1, nn.Identity()) for _ in range(blocks - 1)))


def resnet20(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    """Three blocks a stage, option A."""
    return CifarResNet(20, Shortcut, classes, channels)


def resnet32(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    """Five blocks a stage, option A."""
    return CifarResNet(32, Shortcut, classes, channels)


def resnet56(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    """Nine blocks a stage, option A."""
    return CifarResNet(56, Shortcut, classes, channels)


def resnet20_projection(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - as above
    """Three blocks a stage, projections."""
    return CifarResNet(20, projection, classes, channels)


def resnet32_projection(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - as above
    """Five blocks a stage, projections."""
    return CifarResNet(32, projection, classes, channels)


def resnet56_projection(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - as above
    """Nine blocks a stage, projections."""
    return CifarResNet(56, projection, classes, channels)
