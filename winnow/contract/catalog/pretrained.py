"""Weights trained on ImageNet-1K that torchvision's authors publish, for its classifiers: of each the latest.

Russakovsky et al. 2015, arXiv:1409.0575, for the images and the names of their classes.
"""

from decimal import Decimal
from functools import cache
from pathlib import Path

from pydantic import Field

from winnow.contract.values import Exact, Record

CLASSES = Path(__file__).parent / "imagenet_classes.txt"

_MEAN = (Decimal("0.485"), Decimal("0.456"), Decimal("0.406"))
_STD = (Decimal("0.229"), Decimal("0.224"), Decimal("0.225"))
_HALVES = (Decimal("0.5"), Decimal("0.5"), Decimal("0.5"))


class Pretrained(Record):
    """A file of weights, and the images that they were trained on."""

    file: str = Field(description="Its published name, which ends in the first digits of its SHA-256.")
    size: tuple[int, int] = (224, 224)
    mean: tuple[Exact, ...] = _MEAN
    std: tuple[Exact, ...] = _STD


def _as_they_came(file: str) -> Pretrained:
    """Networks that came from TensorFlow: torchvision brings images to -1…1 inside of them."""
    return Pretrained(file=file, mean=_HALVES, std=_HALVES)


PRETRAINED: dict[str, Pretrained] = {
    "alexnet": Pretrained(file="alexnet-owt-7be5be79.pth"),
    "vgg11": Pretrained(file="vgg11-8a719046.pth"),
    "resnet18": Pretrained(file="resnet18-f37072fd.pth"),
    "resnet34": Pretrained(file="resnet34-b627a593.pth"),
    "resnet50": Pretrained(file="resnet50-11ad3fa6.pth"),
    "resnext50_32x4d": Pretrained(file="resnext50_32x4d-1a0047aa.pth"),
    "densenet121": Pretrained(file="densenet121-a639ec97.pth"),
    "googlenet": _as_they_came("googlenet-1378be20.pth"),
    "inception_v3": _as_they_came("inception_v3_google-0cc3c7bd.pth").model_copy(update={"size": (299, 299)}),
    "squeezenet1_0": Pretrained(file="squeezenet1_0-b66bff10.pth"),
    "squeezenet1_1": Pretrained(file="squeezenet1_1-b8a52dc0.pth"),
    "mobilenet_v2": Pretrained(file="mobilenet_v2-7ebf99e0.pth"),
    "mobilenet_v3_small": Pretrained(file="mobilenet_v3_small-047dcff4.pth"),
    "mobilenet_v3_large": Pretrained(file="mobilenet_v3_large-5c1a4163.pth"),
    "mnasnet1_0": Pretrained(file="mnasnet1.0_top1_73.512-f206786ef8.pth"),
    "shufflenet_v2_x1_0": Pretrained(file="shufflenetv2_x1-5666bf0f80.pth"),
    "efficientnet_b0": Pretrained(file="efficientnet_b0_rwightman-7f5810bc.pth"),
    "efficientnet_b1": Pretrained(file="efficientnet_b1-c27df63c.pth", size=(240, 240)),
    "efficientnet_v2_s": Pretrained(file="efficientnet_v2_s-dd5fe13b.pth", size=(384, 384)),
    "regnet_x_400mf": Pretrained(file="regnet_x_400mf-62229a5f.pth"),
    "regnet_y_400mf": Pretrained(file="regnet_y_400mf-e6988f5f.pth"),
    "convnext_tiny": Pretrained(file="convnext_tiny-983f1562.pth"),
}
"""By torchvision's name of the classifier."""


@cache
def imagenet_classes() -> tuple[str, ...]:
    """What torchvision calls the thousand classes, by index."""
    return tuple(CLASSES.read_text().splitlines())
