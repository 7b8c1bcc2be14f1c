"""The architectures by name: what they are called, where they come from, which of their tensors can be pruned."""

from winnow.contract.catalog.architecture import Architecture
from winnow.contract.catalog.torchvision import CLASSIFIERS

__all__ = ["ARCHITECTURES", "Architecture"]


def _conv(count: int) -> Architecture:
    return Architecture(
        name=f"conv{count}",
        family="conv",
        summary=f"{count} 3×3 convolutions of 64 filters and more in blocks of two, then two layers of 256 units.",
        source="Frankle & Carbin 2019, arXiv:1803.03635",
        smallest=2 ** (count // 2),
        dropout=("relu_fc1", "relu_fc2"),
    )


# Batch norm in training wants more than one value a channel, and the last batch may be one image. So networks that have
# it take images that are two pixels high and wide behind their last pool or stride: 2 × all strides together.


def _vgg(depth: int) -> Architecture:
    convolutions = depth - 3  # the paper's three linear layers are one here
    return Architecture(
        name=f"vgg{depth}",
        family="vgg",
        summary=f"{convolutions} 3×3 convolutions of 64 to 512 filters with batch norm, then the mean and one layer.",
        source="Simonyan & Zisserman 2015, arXiv:1409.1556; Frankle et al. 2020, arXiv:1912.05671",
        smallest=2 * 2**4,
    )


def _cifar_resnet(depth: int) -> Architecture:
    blocks = (depth - 2) // 6
    return Architecture(
        name=f"resnet{depth}",
        family="cifar_resnet",
        summary=f"Three stages of {blocks} residual blocks, 16 to 64 filters; parameter-free shortcuts (option A).",
        source="He et al. 2016, arXiv:1512.03385",
        smallest=2 * 2**2,
    )


def _projecting(depth: int) -> Architecture:
    blocks = (depth - 2) // 6
    return Architecture(
        name=f"resnet{depth}_projection",
        family="cifar_resnet",
        summary=f"Three stages of {blocks} residual blocks, 16 to 64 filters; projection shortcuts (option B).",
        source="He et al. 2016, arXiv:1512.03385; Renda et al. 2020, arXiv:2003.02389",
        smallest=2 * 2**2,
    )


_ARCHITECTURES = (
    Architecture(
        name="lenet_300_100",
        family="lenet_300_100",
        summary="Two hidden layers of 300 and 100 units.",
        source="LeCun et al. 1998; Frankle & Carbin 2019, arXiv:1803.03635",
        smallest=1,
        dropout=("relu1", "relu2"),
    ),
    Architecture(
        name="lenet5",
        family="lenet5",
        summary="Two 5×5 convolutions of 20 and 50 filters, then 500 units.",
        source="LeCun et al. 1998; Han et al. 2015, arXiv:1506.02626",
        smallest=16,
        dropout=("relu1",),
    ),
    Architecture(
        name="lenet5_relu",
        family="lenet5",
        summary="Two 5×5 convolutions of 6 and 16 filters, then 120 and 84 units; max pooling and ReLU.",
        source="LeCun et al. 1998",
        smallest=12,
        dropout=("relu3", "relu4"),
    ),
    *(_conv(count) for count in (2, 4, 6)),
    *(_vgg(depth) for depth in (11, 16, 19)),
    *(_cifar_resnet(depth) for depth in (20, 32, 56)),
    *(_projecting(depth) for depth in (20, 32, 56)),
    Architecture(
        name="resnet18",
        family="resnet18",
        summary="Four stages of two residual blocks, 64 to 512 filters; the first convolution is 3×3, without a pool.",
        source="He et al. 2016, arXiv:1512.03385",
        smallest=2 * 2**3,
    ),
    Architecture(
        name="wide_resnet_16_4",
        family="wide_resnet",
        summary="Three stages of two residual blocks, 64, 128 and 256 filters; batch norm before each convolution.",
        source="Zagoruyko & Komodakis 2016, arXiv:1605.07146",
        smallest=2 * 2**2,
    ),
    Architecture(
        name="digits_cnn",
        family="digits_cnn",
        summary="Two 3×3 convolutions of 16 and 32 filters, then 128 units: for images of about 8×8.",
        source="The block of Conv-2, narrowed: Frankle & Carbin 2019, arXiv:1803.03635",
        smallest=2,
        dropout=("relu3",),
    ),
    Architecture(
        name="simple_cnn",
        family="simple_cnn",
        summary="Two 3×3 convolutions of 32 filters with pooling, then 128 units: for images of about 150×150.",
        source="After LeCun et al. 1998, with the filters of Simonyan & Zisserman 2015, arXiv:1409.1556",
        smallest=4,
        dropout=("relu3",),
    ),
    Architecture(
        name="cifar_cnn",
        family="cifar_cnn",
        summary="5×5 convolutions of 32 and 16 filters, a 3×3 one of 8, then 128 units: for images of 32×32.",
        source="After LeCun et al. 1998",
        smallest=14,
        dropout=("flatten",),
    ),
    *CLASSIFIERS,
)

ARCHITECTURES: dict[str, Architecture] = {entry.name: entry for entry in _ARCHITECTURES}
