"""torchvision's classifiers, under `torchvision/` and its own name for each.

Those made of convolutions and linear layers, of which transformers' attention is not; and no `regnet_y_128gf`, whose
2.6 GB no ONNX file holds (protobuf: 2 GiB). Another one is its name here, a line of `pretrained.py`, and `make tables`.
"""

from winnow.contract.catalog.architecture import Architecture
from winnow.contract.catalog.pretrained import PRETRAINED

REGNET_COSTS = ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")
"""What one image costs, in multiplications."""


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


def _gated(*architectures: Architecture) -> tuple[Architecture, ...]:
    return tuple(one.model_copy(update={"gated": True}) for one in architectures)


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
        ("vgg11", "vgg13", "vgg16", "vgg19"),
        dropout=("classifier.2", "classifier.5"),
    ),
    *_alike(
        "Simonyan & Zisserman 2015, arXiv:1409.1556; Ioffe & Szegedy 2015, arXiv:1502.03167",
        "as VGG, with batch norm behind each convolution.",
        32,
        ("vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"),
        dropout=("classifier.2", "classifier.5"),
    ),
    *_alike(
        "He et al. 2016, arXiv:1512.03385",
        "a 7×7 convolution and a pool, then residual blocks of two 3×3 convolutions.",
        33,
        ("resnet18", "resnet34"),
    ),
    *_alike(
        "He et al. 2016, arXiv:1512.03385",
        "as ResNet-18, with blocks of a 1×1, a 3×3 and a 1×1 convolution.",
        33,
        ("resnet50", "resnet101", "resnet152"),
    ),
    *_alike(
        "Zagoruyko & Komodakis 2016, arXiv:1605.07146",
        "a ResNet of as many layers whose 3×3 convolutions have twice the filters.",
        33,
        ("wide_resnet50_2", "wide_resnet101_2"),
    ),
    *_alike(
        "Xie et al. 2017, arXiv:1611.05431",
        "a ResNet whose 3×3 convolutions are split into groups.",
        33,
        ("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
    ),
    *_alike(
        "Huang et al. 2017, arXiv:1608.06993",
        "four blocks in which each layer sees all before it.",
        61,
        ("densenet121", "densenet161", "densenet169", "densenet201"),
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
    *_gated(
        *_alike(
            "Howard et al. 2019, arXiv:1905.02244",
            "inverted residual blocks, some with squeeze and excitation; hard swish.",
            33,
            ("mobilenet_v3_small", "mobilenet_v3_large"),
            dropout=("classifier.2",),
        )
    ),
    *_alike(
        "Tan et al. 2019, arXiv:1807.11626",
        "inverted residual blocks found by search.",
        33,
        ("mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"),
        dropout=("classifier.0",),
    ),
    *_alike(
        "Ma et al. 2018, arXiv:1807.11164",
        "blocks whose channels are split, convolved by half and shuffled.",
        33,
        ("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0"),
    ),
    *_gated(
        *_alike(
            "Tan & Le 2019, arXiv:1905.11946",
            "inverted residual blocks with squeeze and excitation, scaled as one; no stochastic depth.",
            33,
            tuple(f"efficientnet_b{scale}" for scale in range(8)),
            dropout=("classifier.0",),
        )
    ),
    *_gated(
        *_alike(
            "Tan & Le 2021, arXiv:2104.00298",
            "as EfficientNet, with plain convolutions in the first blocks; no stochastic depth.",
            33,
            ("efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l"),
            dropout=("classifier.0",),
        )
    ),
    *_alike(
        "Radosavovic et al. 2020, arXiv:2003.13678",
        "four stages of residual blocks with grouped convolutions.",
        33,
        tuple(f"regnet_x_{cost}" for cost in REGNET_COSTS),
    ),
    *_gated(
        *_alike(
            "Radosavovic et al. 2020, arXiv:2003.13678",
            "as RegNetX, with squeeze and excitation.",
            33,
            tuple(f"regnet_y_{cost}" for cost in REGNET_COSTS),
        )
    ),
    *_alike(
        "Liu et al. 2022, arXiv:2201.03545",
        "7×7 depthwise convolutions, layer normalisation and linear layers at each pixel; no stochastic depth.",
        32,
        ("convnext_tiny", "convnext_small", "convnext_base", "convnext_large"),
    ),
)
