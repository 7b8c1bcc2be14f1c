"""ResNet-20 for small images: He et al. 2016, "Deep residual learning for image recognition", arXiv:1512.03385.

Section 4.2, with its parameter-free shortcuts (option A).
"""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

BLOCKS_PER_STAGE = 3


class Shortcut(nn.Module):
    """Option A: every second pixel, and zeros for the channels that are missing."""

    def __init__(self, inward: int, outward: int) -> None:
        super().__init__()
        self.before = (outward - inward) // 2
        self.after = outward - inward - self.before

    def forward(self, images: Tensor) -> Tensor:
        """N×inward×H×W to N×outward×⌈H/2⌉×⌈W/2⌉."""
        return functional.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, self.before, self.after))


class Block(nn.Module):
    """Two 3×3 convolutions with batch norm, and the shortcut added before the last ReLU."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inward, outward, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outward)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outward, outward, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outward)
        self.relu2 = nn.ReLU()
        self.shortcut = Shortcut(inward, outward) if stride > 1 else nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """N×inward×H×W to N×outward×⌈H/stride⌉×⌈W/stride⌉."""
        inner = self.relu1(self.bn1(self.conv1(images)))
        return cast(Tensor, self.relu2(self.bn2(self.conv2(inner)) + self.shortcut(images)))


class ResNet20(nn.Module):
    """One convolution, three stages of three blocks with 16, 32 and 64 filters, the mean, one linear layer."""

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16, stride=1)
        self.layer2 = _stage(16, 32, stride=2)
        self.layer3 = _stage(32, 64, stride=2)
        self.linear = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        """N×channels×H×W to N×classes."""
        found = self.relu(self.bn1(self.conv1(images)))
        found = self.layer3(self.layer2(self.layer1(found)))
        # The plain mean: the backward pass of adaptive pooling has no deterministic form on CUDA.
        return cast(Tensor, self.linear(found.mean((2, 3))))


def _stage(inward: int, outward: int, stride: int) -> nn.Sequential:
    others = [Block(outward, outward, 1) for _ in range(BLOCKS_PER_STAGE - 1)]
    return nn.Sequential(Block(inward, outward, stride), *others)


def resnet20(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    """ResNet-20; names are those of the published CIFAR-10 weights."""
    return ResNet20(classes, channels)
