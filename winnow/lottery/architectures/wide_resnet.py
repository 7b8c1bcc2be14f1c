"""Wide residual networks: Zagoruyko & Komodakis 2016, arXiv:1605.07146, without dropout.

Batch norm and ReLU stand before each convolution (He et al. 2016, "Identity mappings in deep residual networks",
arXiv:1603.05027).
"""

from typing import cast

from torch import Tensor, nn


class Block(nn.Module):
    """Batch norm, ReLU and a 3×3 convolution, twice; what came in is added, projected where the shape changes."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inward)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(inward, outward, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outward)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(outward, outward, 3, padding=1, bias=False)
        self.shortcut = None if inward == outward else nn.Conv2d(inward, outward, 1, stride=stride, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """N×inward×H×W to N×outward×⌈H/stride⌉×⌈W/stride⌉."""
        ready = self.relu1(self.bn1(images))
        inner = self.conv2(self.relu2(self.bn2(self.conv1(ready))))
        return cast(Tensor, inner + (images if self.shortcut is None else self.shortcut(ready)))


class WideResNet(nn.Module):
    """One convolution, three stages of n blocks with 16, 32 and 64 × `width` filters, the mean, one linear layer."""

    def __init__(self, depth: int, width: int, classes: int, channels: int) -> None:
        super().__init__()
        blocks = (depth - 4) // 6
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.layer1 = _stage(blocks, 16, 16 * width, stride=1)
        self.layer2 = _stage(blocks, 16 * width, 32 * width, stride=2)
        self.layer3 = _stage(blocks, 32 * width, 64 * width, stride=2)
        self.bn1 = nn.BatchNorm2d(64 * width)
        self.relu = nn.ReLU()
        self.linear = nn.Linear(64 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """N×channels×H×W to N×classes."""
        found = self.layer3(self.layer2(self.layer1(self.conv1(images))))
        found = self.relu(self.bn1(found))
        # The plain mean: the backward pass of adaptive pooling has no deterministic form on CUDA.
        return cast(Tensor, self.linear(found.mean((2, 3))))


def _stage(blocks: int, inward: int, outward: int, stride: int) -> nn.Sequential:
    return nn.Sequential(Block(inward, outward, stride), *(Block(outward, outward, 1) for _ in range(blocks - 1)))


def wide_resnet_16_4(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    """WRN-16-4: two blocks a stage, four times the filters."""
    return WideResNet(16, 4, classes, channels)
