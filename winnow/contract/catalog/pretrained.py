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
    "vgg13": Pretrained(file="vgg13-19584684.pth"),
    "vgg16": Pretrained(file="vgg16-397923af.pth"),
    "vgg19": Pretrained(file="vgg19-dcbb9e9d.pth"),
    "vgg11_bn": Pretrained(file="vgg11_bn-6002323d.pth"),
    "vgg13_bn": Pretrained(file="vgg13_bn-abd245e5.pth"),
    "vgg16_bn": Pretrained(file="vgg16_bn-6c64b313.pth"),
    "vgg19_bn": Pretrained(file="vgg19_bn-c79401a0.pth"),
    "resnet18": Pretrained(file="resnet18-f37072fd.pth"),
    "resnet34": Pretrained(file="resnet34-b627a593.pth"),
    "resnet50": Pretrained(file="resnet50-11ad3fa6.pth"),
    "resnet101": Pretrained(file="resnet101-cd907fc2.pth"),
    "resnet152": Pretrained(file="resnet152-f82ba261.pth"),
    "wide_resnet50_2": Pretrained(file="wide_resnet50_2-9ba9bcbe.pth"),
    "wide_resnet101_2": Pretrained(file="wide_resnet101_2-d733dc28.pth"),
    "resnext50_32x4d": Pretrained(file="resnext50_32x4d-1a0047aa.pth"),
    "resnext101_32x8d": Pretrained(file="resnext101_32x8d-110c445d.pth"),
    "resnext101_64x4d": Pretrained(file="resnext101_64x4d-173b62eb.pth"),
    "densenet121": Pretrained(file="densenet121-a639ec97.pth"),
    "densenet161": Pretrained(file="densenet161-8d451a50.pth"),
    "densenet169": Pretrained(file="densenet169-b2777c0a.pth"),
    "densenet201": Pretrained(file="densenet201-c1103571.pth"),
    "googlenet": _as_they_came("googlenet-1378be20.pth"),
    "inception_v3": _as_they_came("inception_v3_google-0cc3c7bd.pth").model_copy(update={"size": (299, 299)}),
    "squeezenet1_0": Pretrained(file="squeezenet1_0-b66bff10.pth"),
    "squeezenet1_1": Pretrained(file="squeezenet1_1-b8a52dc0.pth"),
    "mobilenet_v2": Pretrained(file="mobilenet_v2-7ebf99e0.pth"),
    "mobilenet_v3_small": Pretrained(file="mobilenet_v3_small-047dcff4.pth"),
    "mobilenet_v3_large": Pretrained(file="mobilenet_v3_large-5c1a4163.pth"),
    "mnasnet0_5": Pretrained(file="mnasnet0.5_top1_67.823-3ffadce67e.pth"),
    "mnasnet0_75": Pretrained(file="mnasnet0_75-7090bc5f.pth"),
    "mnasnet1_0": Pretrained(file="mnasnet1.0_top1_73.512-f206786ef8.pth"),
    "mnasnet1_3": Pretrained(file="mnasnet1_3-a4c69d6f.pth"),
    "shufflenet_v2_x0_5": Pretrained(file="shufflenetv2_x0.5-f707e7126e.pth"),
    "shufflenet_v2_x1_0": Pretrained(file="shufflenetv2_x1-5666bf0f80.pth"),
    "shufflenet_v2_x1_5": Pretrained(file="shufflenetv2_x1_5-3c479a10.pth"),
    "shufflenet_v2_x2_0": Pretrained(file="shufflenetv2_x2_0-8be3c8ee.pth"),
    "efficientnet_b0": Pretrained(file="efficientnet_b0_rwightman-7f5810bc.pth"),
    "efficientnet_b1": Pretrained(file="efficientnet_b1-c27df63c.pth", size=(240, 240)),
    "efficientnet_b2": Pretrained(file="efficientnet_b2_rwightman-c35c1473.pth", size=(288, 288)),
    "efficientnet_b3": Pretrained(file="efficientnet_b3_rwightman-b3899882.pth", size=(300, 300)),
    "efficientnet_b4": Pretrained(file="efficientnet_b4_rwightman-23ab8bcd.pth", size=(380, 380)),
    "efficientnet_b5": Pretrained(file="efficientnet_b5_lukemelas-1a07897c.pth", size=(456, 456)),
    "efficientnet_b6": Pretrained(file="efficientnet_b6_lukemelas-24a108a5.pth", size=(528, 528)),
    "efficientnet_b7": Pretrained(file="efficientnet_b7_lukemelas-c5b4e57e.pth", size=(600, 600)),
    "efficientnet_v2_s": Pretrained(file="efficientnet_v2_s-dd5fe13b.pth", size=(384, 384)),
    "efficientnet_v2_m": Pretrained(file="efficientnet_v2_m-dc08266a.pth", size=(480, 480)),
    "efficientnet_v2_l": Pretrained(file="efficientnet_v2_l-59c71312.pth", size=(480, 480), mean=_HALVES, std=_HALVES),
    "regnet_x_400mf": Pretrained(file="regnet_x_400mf-62229a5f.pth"),
    "regnet_x_800mf": Pretrained(file="regnet_x_800mf-94a99ebd.pth"),
    "regnet_x_1_6gf": Pretrained(file="regnet_x_1_6gf-a12f2b72.pth"),
    "regnet_x_3_2gf": Pretrained(file="regnet_x_3_2gf-7071aa85.pth"),
    "regnet_x_8gf": Pretrained(file="regnet_x_8gf-2b70d774.pth"),
    "regnet_x_16gf": Pretrained(file="regnet_x_16gf-ba3796d7.pth"),
    "regnet_x_32gf": Pretrained(file="regnet_x_32gf-6eb8fdc6.pth"),
    "regnet_y_400mf": Pretrained(file="regnet_y_400mf-e6988f5f.pth"),
    "regnet_y_800mf": Pretrained(file="regnet_y_800mf-58fc7688.pth"),
    "regnet_y_1_6gf": Pretrained(file="regnet_y_1_6gf-0d7bc02a.pth"),
    "regnet_y_3_2gf": Pretrained(file="regnet_y_3_2gf-9180c971.pth"),
    "regnet_y_8gf": Pretrained(file="regnet_y_8gf-dc2b1b54.pth"),
    "regnet_y_16gf": Pretrained(file="regnet_y_16gf-3e4a00f9.pth"),
    "regnet_y_32gf": Pretrained(file="regnet_y_32gf-8db6d4b5.pth"),
    "convnext_tiny": Pretrained(file="convnext_tiny-983f1562.pth"),
    "convnext_small": Pretrained(file="convnext_small-0c510722.pth"),
    "convnext_base": Pretrained(file="convnext_base-6075fbad.pth"),
    "convnext_large": Pretrained(file="convnext_large-ea097f82.pth"),
}
"""By torchvision's name of the classifier."""


@cache
def imagenet_classes() -> tuple[str, ...]:
    """What torchvision calls the thousand classes, by index."""
    return tuple(CLASSES.read_text().splitlines())
