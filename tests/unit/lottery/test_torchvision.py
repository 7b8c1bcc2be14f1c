"""torchvision's classifiers under `torchvision/`: its layers, names and logits, without its random numbers."""

from decimal import Decimal

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.support.architectures import KINDS, THEIRS
from tests.support.lottery import recipe, start
from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.recipes import Recipe
from winnow.lottery.architectures import build, outline, prunable
from winnow.lottery.architectures.torchvision import OPTIONS, AdaptiveMean
from winnow.lottery.data.images import Part, Split
from winnow.lottery.inits import LAYER_SCALE, initial
from winnow.lottery.multiplications import multiplications
from winnow.lottery.pieces.coupling import coupling
from winnow.lottery.state import State, load_network
from winnow.lottery.torchvision_import import torchvision
from winnow.lottery.training import Training, take_step
from winnow.lottery.units.evidence import digest

ALL = pytest.mark.parametrize("name", THEIRS)
EACH_KIND = pytest.mark.parametrize("name", KINDS)
# The whole of a training, where all that differs is whether something is drawn.
DROPPING = pytest.mark.parametrize("name", ["torchvision/mobilenet_v3_small", "torchvision/squeezenet1_1"])


def theirs(name: str, classes: int = 5) -> nn.Module:
    short = name.removeprefix("torchvision/")
    with torch.random.fork_rng():
        return torchvision("models").get_model(short, num_classes=classes, **OPTIONS.get(short, {}))


@EACH_KIND
def test_it_computes_what_torchvisions_does_from_the_same_tensors(name: str) -> None:
    smallest = ARCHITECTURES[name].smallest
    size = (smallest + 4, smallest + 27)
    reference = theirs(name).eval()
    ours = build(name, 5, 3, size).eval()
    ours.load_state_dict(reference.state_dict(), strict=True)
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(ours(images), reference(images), rtol=1e-5, atol=1e-6)


@ALL
def test_it_trains_on_one_image_of_any_size_from_the_smallest_on_and_of_no_smaller(name: str) -> None:
    smallest = ARCHITECTURES[name].smallest
    network = outline(name, 5, 1, (smallest, smallest)).train()

    def logits(*size: int) -> torch.Tensor:
        return network(torch.empty(1, 1, *size, device="meta"))

    for size in ((smallest, smallest), (smallest + 1, smallest), (smallest, smallest + 38)):
        assert logits(*size).shape == (1, 5)
    with pytest.raises(
        (ValueError, RuntimeError), match=r"more than 1 value per channel|too small|greater than actual"
    ):
        logits(smallest - 1, smallest - 1)


@EACH_KIND
def test_training_draws_no_random_number(name: str) -> None:
    smallest = ARCHITECTURES[name].smallest
    network = build(name, 5, 3, (smallest, smallest)).train()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.zero_()
    before = torch.get_rng_state()
    network(torch.zeros(2, 3, smallest, smallest))
    assert torch.equal(torch.get_rng_state(), before)


@ALL
def test_dropout_can_be_asked_for_where_torchvision_has_it(name: str) -> None:
    with torch.device("meta"):
        # RegNets are not outlined that easily; they have none.
        named = [] if "regnet" in name else theirs(name).named_modules()
    assert [place for place, layer in named if isinstance(layer, nn.Dropout)] == list(ARCHITECTURES[name].dropout)


@ALL
def test_no_normalisation_parameter_and_no_bias_is_ever_prunable(name: str) -> None:
    """Trap 13: a norm's scale is called "weight" too."""
    network = outline(name, 5, 3, (128, 128))
    kinds = {f"{place}.weight": type(layer) for place, layer in network.named_modules() if hasattr(layer, "weight")}
    assert {kinds[place] for place in prunable(network)} <= {nn.Conv2d, nn.Linear}
    weights = [place for place, kind in kinds.items() if kind in {nn.Conv2d, nn.Linear}]
    assert list(prunable(network)) == weights


def test_where_nothing_is_linear_the_last_convolution_is_the_output() -> None:
    kinds = prunable(outline("torchvision/squeezenet1_1", 5, 3, (32, 32)))
    assert [place for place, kind in kinds.items() if kind == "output"] == ["classifier.1.weight"]
    assert set(kinds.values()) == {"conv", "output"}


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (6, 6), (7, 9), (13, 6), (20, 31)])
@pytest.mark.parametrize("side", [6, 7])
def test_pooling_to_a_fixed_size_is_torchs_forwards_and_backwards(size: tuple[int, int], side: int) -> None:
    images = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    found, expected = AdaptiveMean(side)(images), functional.adaptive_avg_pool2d(images, side)
    assert torch.allclose(found, expected, rtol=1e-6)
    weights = torch.randn_like(expected)
    mine, torchs = (torch.autograd.grad((made * weights).sum(), images)[0] for made in (found, expected))
    assert torch.allclose(mine, torchs, rtol=1e-5)


def test_convnext_starts_with_plain_normalisation_and_nearly_silent_branches() -> None:
    values = initial(recipe("torchvision/convnext_tiny", channels=3, size=(32, 32)), 0)
    scales = [array for name, array in values.items() if name.endswith("layer_scale")]
    assert len(scales) == 18
    assert all((array == np.float32(LAYER_SCALE)).all() for array in scales)
    assert (values["features.0.1.weight"] == 1).all()
    assert not values["features.0.1.bias"].any()


def test_a_linear_layer_at_each_pixel_multiplies_as_often_as_there_are_pixels() -> None:
    settings = recipe("torchvision/convnext_tiny", channels=3, size=(32, 32))
    found = multiplications(settings.network, [name for name, _ in ARCHITECTURES[settings.architecture].layers])
    assert found["features.1.0.block.0.weight"] == 8 * 8
    assert found["features.1.0.block.3.weight"] == 8 * 8
    assert found["classifier.2.weight"] == 1


@EACH_KIND
def test_its_channels_are_found_by_their_dependencies(name: str) -> None:
    """ConvNeXt's go through layer normalisation, which mixes them: none can be cut out."""
    smallest = ARCHITECTURES[name].smallest
    size = (smallest + 1, smallest)
    layers = [layer for layer, _ in ARCHITECTURES[name].layers]
    found = coupling(outline(name, 5, 3, size), (3, *size), layers)
    assert set(found.outputs) == set(layers)
    assert (found.channels == 0) == ("convnext" in name)


def settings_of(name: str, dropout: Decimal = Decimal(0)) -> Recipe:
    return recipe(name, channels=3, size=(33, 34), batch_size=4, steps=2, dropout=dropout)


def split_of(settings: Recipe) -> Split:
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (8, settings.channels, *settings.size), dtype=torch.uint8, generator=random)
    part = Part(pixels, torch.arange(8) % settings.classes)
    return Split(part, part, part, Preprocessing(channels=3, size=settings.size, mean=(0.5,) * 3, std=(0.25,) * 3))


@DROPPING
def test_a_step_with_dropout_is_another_one(name: str) -> None:
    found = set()
    for rate in (Decimal(0), Decimal("0.3")):
        settings = settings_of(name, rate)
        training = Training(settings, split_of(settings), start(settings), {})
        take_step(training)
        found.add(digest(training.state().network))
    assert len(found) == 2


@DROPPING
def test_resumed_in_a_fresh_network_it_ends_in_the_same_bytes(name: str) -> None:
    settings = settings_of(name, Decimal("0.3"))
    whole = Training(settings, split_of(settings), start(settings), {})
    take_step(whole)
    halfway = whole.state()
    take_step(whole)
    torch.rand(3)  # whatever else draws in between
    again = Training(settings, split_of(settings), State(halfway.step, halfway.network, halfway.optimizer), {})
    take_step(again)
    assert digest(again.state().network) == digest(whole.state().network)
    assert digest(again.state().optimizer) == digest(whole.state().optimizer)


def test_grey_images_replace_the_first_convolution_alone() -> None:
    grey, colour = (outline("torchvision/resnet18", 5, channels, (33, 33)).state_dict() for channels in (1, 3))
    differing = [name for name, tensor in grey.items() if tensor.shape != colour[name].shape]
    assert differing == ["conv1.weight"]
    network = build("torchvision/resnet18", 5, 1, (33, 33)).eval()
    load_network(network, initial(recipe("torchvision/resnet18", classes=5, size=(33, 33)), 0))
    with torch.inference_mode():
        assert network(torch.rand(2, 1, 33, 33)).isfinite().all()


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_catalog_says_which_have_gates(name: str) -> None:
    smallest = ARCHITECTURES[name].smallest
    modules = outline(name, 5, 3, (smallest, smallest)).modules()
    assert ARCHITECTURES[name].gated == any(isinstance(one, nn.Sigmoid | nn.Hardsigmoid) for one in modules)
