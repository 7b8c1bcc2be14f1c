import pytest
import torch
from torch import nn

from tests.support.architectures import OWN  # the others: test_torchvision.py
from tests.support.lottery import recipe
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.lottery.architectures import build, prunable
from winnow.lottery.architectures.cifar_resnet import Shortcut
from winnow.lottery.architectures.wide_resnet import Block
from winnow.lottery.inits import initial
from winnow.lottery.state import load_network
from winnow.lottery.torchvision_import import torchvision

NORMALISED = {"vgg", "cifar_resnet", "resnet18", "wide_resnet"}


def network(architecture: str, classes: int = 10, channels: int = 1, size: tuple[int, int] = (32, 32)) -> nn.Module:
    settings = recipe(architecture, classes=classes, channels=channels, size=size)
    built = build(architecture, classes, channels, size)
    load_network(built, initial(settings, 0))
    return built


@pytest.mark.parametrize(
    ("architecture", "channels", "side", "prunable_weights", "parameters"),
    [
        ("lenet_300_100", 1, 28, 266_200, 266_610),  # "266K" in Frankle & Carbin 2019, figure 2
        ("lenet5", 1, 28, 430_500, 431_080),  # "431K" in Han et al. 2015, table 4
        ("conv2", 3, 32, 4_300_992, 4_301_642),  # "4.3M" in Frankle & Carbin 2019, figure 2
        ("conv4", 3, 32, 2_425_024, 2_425_930),  # "2.4M"
        ("conv6", 3, 32, 2_261_184, 2_262_602),  # the paper says 1.7M, but the layers it lists hold this on 32×32
        ("lenet5_relu", 1, 28, 61_470, 61_706),  # "60,000" in LeCun et al. 1998, each map of whose conv2 sees only some
        ("vgg11", 3, 32, 9_222_848, 9_228_362),
        ("vgg16", 3, 32, 14_715_584, 14_724_042),  # "14.7M" in Frankle et al. 2020, table 1
        ("vgg19", 3, 32, 20_024_000, 20_035_018),  # "20.0M" in Frankle & Carbin 2019, figure 2
        ("resnet20", 3, 32, 268_336, 269_722),  # "0.27M" in He et al. 2016, table 6
        ("resnet32", 3, 32, 461_872, 464_154),  # "0.46M"
        ("resnet56", 3, 32, 848_944, 853_018),  # "0.85M"
        ("resnet20_projection", 3, 32, 270_896, 272_474),
        ("resnet32_projection", 3, 32, 464_432, 466_906),
        ("resnet56_projection", 3, 32, 851_504, 855_770),
        ("resnet18", 3, 32, 11_164_352, 11_173_962),
        ("wide_resnet_16_4", 3, 32, 2_745_264, 2_748_890),
        ("simple_cnn", 3, 150, 5_618_784, 5_618_986),
        ("cifar_cnn", 3, 32, 120_032, 120_226),
    ],
)
def test_sizes_are_those_of_the_papers(
    architecture: str, channels: int, side: int, prunable_weights: int, parameters: int
) -> None:
    built = build(architecture, 10, channels, (side, side))

    assert sum(built.get_parameter(name).numel() for name in prunable(built)) == prunable_weights
    assert sum(parameter.numel() for parameter in built.parameters()) == parameters


@pytest.mark.parametrize("architecture", OWN)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [2, 11])
def test_any_size_from_the_smallest_on_gives_logits(architecture: str, channels: int, classes: int) -> None:
    smallest = ARCHITECTURES[architecture].smallest
    for size in ((smallest, smallest), (smallest + 1, smallest + 6)):
        built = network(architecture, classes, channels, size)
        for images in (1, 4):  # one image alone may be the last batch, which batch norm does not always take
            logits = built(torch.rand(images, channels, *size))
            assert logits.shape == (images, classes)
            assert logits.isfinite().all()


@pytest.mark.parametrize("architecture", OWN)
def test_no_normalisation_parameter_and_no_bias_is_ever_prunable(architecture: str) -> None:
    """Trap 13: batch norm's scale is called "weight" too."""
    built = build(architecture, 10, 3, (32, 32))
    normalisation = {
        f"{name}.{key}"
        for name, module in built.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for key, _ in module.named_parameters(recurse=False)
    }
    assert not normalisation & set(prunable(built))
    assert not any(name.endswith("bias") for name in prunable(built))
    assert (ARCHITECTURES[architecture].family in NORMALISED) == bool(normalisation)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_output_layer_is_the_one_with_a_row_a_class(architecture: str) -> None:
    built = build(architecture, 7, 3, (32, 32))
    outputs = [name for name, kind in prunable(built).items() if kind == "output"]
    assert [built.get_parameter(name).shape[0] for name in outputs] == [7]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_building_touches_no_global_random_state(architecture: str) -> None:
    before = torch.get_rng_state()
    build(architecture, 10, 1, (32, 32))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_shortcut_takes_every_second_pixel_and_pads_channels_with_zeros() -> None:
    images = torch.arange(2 * 4 * 5 * 6.0).reshape(2, 4, 5, 6)

    out = Shortcut(4, 8)(images)

    assert torch.equal(out[:, 2:6], images[:, :, ::2, ::2])
    assert not out[:, :2].any()
    assert not out[:, 6:].any()


def test_resnet18_computes_what_torchvision_does_without_the_first_stride_and_pool() -> None:
    theirs = torchvision("models").resnet18(num_classes=10)
    theirs.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    theirs.maxpool = nn.Identity()
    ours = network("resnet18", channels=3)
    ours.load_state_dict(theirs.state_dict())
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(ours.eval()(images), theirs.eval()(images), rtol=1e-4, atol=1e-5)


def test_a_wide_block_projects_what_is_activated_and_else_adds_what_came_in() -> None:
    """Zagoruyko & Komodakis 2016 as published: the projection stands behind the first batch norm and ReLU."""
    images = torch.randn(2, 4, 6, 6)
    plain, projecting = Block(4, 4, 1).eval(), Block(4, 8, 2).eval()
    with torch.no_grad():
        for block in (plain, projecting):
            block.bn1.bias.fill_(0.5)
            block.conv2.weight.zero_()
        assert torch.equal(plain(images), images)
        assert projecting.shortcut is not None
        expected = projecting.shortcut(projecting.bn1(images).relu())
        assert torch.equal(projecting(images), expected)
