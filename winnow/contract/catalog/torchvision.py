"""torchvision's classifiers, under `torchvision/` and its own name for each.

Of each kind those whose every promise a test can hold in bearable time. Another one is its name here, a
line of `pretrained.py`, and `make tables`.
"""

from winnow.contract.catalog.architecture import Architecture
from winnow.contract.catalog.pretrained import PRETRAINED


def _alike(
    source: str, summary: str, smallest: int, names: tuple[str, ...], dropout: tuple[str, ...] = ()
) -> tuple[Architecture, ...]:
    """Those that differ in depth and width, which their names tell. Smallest: see the note in `architectures.py`."""
    return tuple(
        Architecture(
            name=f"torchvision/{name}",
            family="torchvision",
            summary=f"torchvision's: {summary}",
            source=source,
            smallest=smallest,
            dropout=dropout,
            pretrained=PRETRAINED[name],
        )
        for name in names
    )


CLASSIFIERS = (
    *_alike(
        "Krizhevsky 2014, arXiv:1404.5997",
        "five convolutions, pooled to 6×6, and three linear layers.",
        63,
        ("alexnet",),
        dropout=("classifier.0", "classifier.3"),
    ),
    *_alike(
        "Simonyan & Zisserman 2015, arXiv:1409.1556",
        "3×3 convolutions in five blocks, pooled to 7×7, and three linear layers.",
        32,
        ("vgg11",),
        dropout=("classifier.2", "classifier.5"),
    ),
    *_alike(
        "He et al. 2016, arXiv:1512.03385",
        "a 7×7 convolution and a pool, then residual blocks of two or, from 50 layers on, three convolutions.",
        33,
        ("resnet18", "resnet34", "resnet50"),
    ),
    *_alike(
        "Xie et al. 2017, arXiv:1611.05431",
        "a ResNet whose 3×3 convolutions are split into groups.",
        33,
        ("resnext50_32x4d",),
    ),
    *_alike(
        "Huang et al. 2017, arXiv:1608.06993",
        "four blocks in which each layer sees all before it.",
        61,
        ("densenet121",),
    ),
    *_alike(
        "Szegedy et al. 2015, arXiv:1409.4842",
        "nine modules of parallel convolutions with batch norm, without auxiliary heads.",
        47,
        ("googlenet",),
        dropout=("dropout",),
    ),
    *_alike(
        "Szegedy et al. 2016, arXiv:1512.00567",
        "modules of parallel factorised convolutions with batch norm, without the auxiliary head.",
        107,
        ("inception_v3",),
        dropout=("dropout",),
    ),
    *_alike(
        "Iandola et al. 2016, arXiv:1602.07360",
        "eight modules that squeeze and expand; a 1×1 convolution and a mean are the output.",
        21,
        ("squeezenet1_0",),
        dropout=("classifier.0",),
    ),
    *_alike(
        "Iandola et al. 2016, arXiv:1602.07360",
        "as squeezenet1_0, pooled earlier, with a smaller first convolution.",
        17,
        ("squeezenet1_1",),
        dropout=("classifier.0",),
    ),
    *_alike(
        "Sandler et al. 2018, arXiv:1801.04381",
        "inverted residual blocks with depthwise convolutions.",
        33,
        ("mobilenet_v2",),
        dropout=("classifier.0",),
    ),
    *_alike(
        "Howard et al. 2019, arXiv:1905.02244",
        "inverted residual blocks, some with squeeze and excitation; hard swish.",
        33,
        ("mobilenet_v3_small", "mobilenet_v3_large"),
        dropout=("classifier.2",),
    ),
    *_alike(
        "Tan et al. 2019, arXiv:1807.11626",
        "inverted residual blocks found by search.",
        33,
        ("mnasnet1_0",),
        dropout=("classifier.0",),
    ),
    *_alike(
        "Ma et al. 2018, arXiv:1807.11164",
        "blocks whose channels are split, convolved by half and shuffled.",
        33,
        ("shufflenet_v2_x1_0",),
    ),
    *_alike(
        "Tan & Le 2019, arXiv:1905.11946",
        "inverted residual blocks with squeeze and excitation, scaled as one; no stochastic depth.",
        33,
        ("efficientnet_b0", "efficientnet_b1"),
        dropout=("classifier.0",),
    ),
    *_alike(
        "Tan & Le 2021, arXiv:2104.00298",
        "as EfficientNet, with plain convolutions in the first blocks; no stochastic depth.",
        33,
        ("efficientnet_v2_s",),
        dropout=("classifier.0",),
    ),
    *_alike(
        "Radosavovic et al. 2020, arXiv:2003.13678",
        "four stages of residual blocks with grouped convolutions; y: with squeeze and excitation.",
        33,
        ("regnet_x_400mf", "regnet_y_400mf"),
    ),
    *_alike(
        "Liu et al. 2022, arXiv:2201.03545",
        "7×7 depthwise convolutions, layer normalisation and linear layers at each pixel; no stochastic depth.",
        32,
        ("convnext_tiny",),
    ),
)
