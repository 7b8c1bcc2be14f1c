"""ResNet-18 for small images: He et al. 2016, "Deep residual learning for image recognition", arXiv:1512.03385.

The blocks of its table 1 on images that are small already: the first convolution is 3×3 at every pixel, and no pool
follows it. Names of tensors are those of torchvision's resnet18.
"""

from typing import cast

from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)


class Block(nn.Module):
    """Two 3×3 convolutions with batch norm; the images, projected where the shape changes, are added before ReLU."""

    def __init__(self, inward: int, outward: int) -> None:
        super().__init__()
        stride = 1 if inward == outward else 2
        self.conv1 = nn.Conv2d(inward, outward, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outward)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outward, outward, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outward)
        self.relu2 = nn.ReLU()
        self.downsample = nn.Sequential() if stride == 1 else _projection(inward, outward)

    def forward(self, images: Tensor) -> Tensor:
        """N×inward×H×W to N×outward×H×W, or half of H and W, rounded up, where there are more filters."""
        inner = self.relu1(self.bn1(self.conv1(images)))
        return cast(Tensor, self.relu2(self.bn2(self.conv2(inner)) + self.downsample(images)))


class ResNet18(nn.Module):
    """One convolution, four stages of two blocks with 64 to 512 filters, the mean, one linear layer."""

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        first, second, third, fourth = WIDTHS
        self.conv1 = nn.Conv2d(channels, first, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(Block(first, first), Block(first, first))
        self.layer2 = nn.Sequential(Block(first, second), Block(second, second))
        self.layer3 = nn.Sequential(Block(second, third), Block(third, third))
        self.layer4 = nn.Sequential(Block(third, fourth), Block(fourth, fourth))
        self.fc = nn.Linear(fourth, classes)

    def forward(self, images: Tensor) -> Tensor:
        """N×channels×H×W to N×classes."""
        found = self.relu(self.bn1(self.conv1(images)))
        found = self.layer4(self.layer3(self.layer2(self.layer1(found))))
        # The plain mean: the backward pass of adaptive pooling has no deterministic form on CUDA.
        return cast(Tensor, self.fc(found.mean((2, 3))))


def _projection(inward: int, outward: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inward, outward, 1, stride=2, bias=False), nn.BatchNorm2d(outward))


def resnet18(classes: int, channels: int, size: tuple[int, int]) -> nn.Module:  # noqa: ARG001 - any size will do
    """ResNet-18 without the first pool."""
    return ResNet18(classes, channels)
