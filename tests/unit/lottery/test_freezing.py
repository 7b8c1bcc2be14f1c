"""Frozen parts: what is frozen stays, bit for bit, and what stands before all that trains can be cut off."""

from decimal import Decimal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.support.lottery import DECAYING_ADAM, MOMENTUM, random_masks, recipe, split, start
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.lottery.architectures import build, outline
from winnow.lottery.evaluation import score
from winnow.lottery.freezing import cut, evaluating, freeze
from winnow.lottery.inits import initial
from winnow.lottery.state import Array, load_network, network_arrays
from winnow.lottery.training import Training, take_step

RESNET_TAIL = ("linear", "layer3")
DIGITS_HEAD = ("fc2",)
"""The head of digits_cnn."""


def trained(architecture: str, trainable: tuple[str, ...], **changes: object) -> tuple[Training, dict[str, Array]]:
    """A training of three steps under masks, and what it began with."""
    settings = recipe(architecture, **changes)
    masks = random_masks(settings)
    training = Training(settings, split(), start(settings), masks, trainable)
    before = network_arrays(training.network)
    for _ in range(3):
        take_step(training)
    return training, before


def inside(name: str, modules: tuple[str, ...]) -> bool:
    return any(name.startswith(f"{module}.") for module in modules)


@pytest.mark.parametrize("optimizer", [MOMENTUM, DECAYING_ADAM], ids=repr)
@pytest.mark.parametrize(("architecture", "trainable"), [("digits_cnn", DIGITS_HEAD), ("resnet20", RESNET_TAIL)])
def test_what_is_frozen_is_bit_equal_after_training_and_what_trains_moves(
    architecture: str, trainable: tuple[str, ...], optimizer: object
) -> None:
    """Weight decay and momentum reach no frozen weight; frozen batch norm keeps its statistics."""
    training, before = trained(architecture, trainable, optimizer=optimizer)
    after = network_arrays(training.network)
    frozen = [name for name in before if not inside(name, trainable)]
    moved = [name for name in before if inside(name, trainable) and not np.array_equal(before[name], after[name])]
    assert frozen
    assert all(np.array_equal(before[name], after[name]) for name in frozen)
    assert set(moved) == {name for name in before if inside(name, trainable)}
    assert set(training.optimizer.names) == {name for name, _ in training.network.named_parameters()} & set(moved)


def test_frozen_batch_norm_computes_by_the_statistics_it_came_with_while_it_trains() -> None:
    """Trap: normalisation whose parameters are frozen, and which goes on in training mode."""
    settings = recipe("resnet20")
    training = Training(settings, split(), start(settings), {}, RESNET_TAIL)
    norms = {name: module for name, module in training.network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert {name for name, module in norms.items() if module.training} == {
        name for name in norms if inside(f"{name}.", RESNET_TAIL)
    }
    assert any(module.training for module in norms.values())
    assert not all(module.training for module in norms.values())


def test_measuring_leaves_every_layer_in_the_mode_in_which_it_was() -> None:
    training, _ = trained("resnet20", RESNET_TAIL)
    before = [module.training for module in training.network.modules()]
    assert len(set(before)) == 2
    score(training.network, training.split.test, training.split.preprocessing, lambda: None)
    assert [module.training for module in training.network.modules()] == before
    with evaluating(training.network):
        assert not any(module.training for module in training.network.modules())
    assert [module.training for module in training.network.modules()] == before


CUTS = [
    ("lenet5", ("fc2",), 1),
    ("conv2", ("fc3",), 1),
    ("conv2", ("fc1", "fc3"), 1),
    ("resnet20", RESNET_TAIL, 3),
    ("vgg11", ("fc",), 3),
    ("torchvision/densenet121", ("classifier", "features.denseblock3"), 3),
    ("torchvision/resnet18", ("fc", "layer3"), 3),
    ("resnet20", ("layer2.0.conv2", "linear"), 3),  # the shortcut goes past what trains
    ("torchvision/mobilenet_v3_small", ("classifier",), 3),
]


def network_of(name: str, channels: int) -> nn.Module:
    side = max(32, ARCHITECTURES[name].smallest)
    settings = recipe(name, channels=channels, size=(side, side))
    network = build(*settings.network)
    load_network(network, initial(settings, 0))
    return network


def images_for(name: str, channels: int, count: int = 3) -> Tensor:
    side = max(32, ARCHITECTURES[name].smallest)
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "trainable", "channels"), CUTS)
def test_the_two_halves_of_a_network_make_what_the_network_makes(
    name: str, trainable: tuple[str, ...], channels: int
) -> None:
    network, images = network_of(name, channels), images_for(name, channels)
    freeze(network, trainable)
    halves = cut(network, trainable)
    assert halves is not None
    behind = {parameter for parameter, _ in halves.after.named_parameters()}
    named = {parameter for parameter, _ in network.named_parameters() if inside(parameter, trainable)}
    assert named <= behind
    assert not named & {parameter for parameter, _ in halves.before.named_parameters()}
    # In the modes of training: what stands before is frozen, and what trains normalises by its batch.
    features = halves.before(images)
    assert not features.requires_grad
    assert torch.equal(halves.after(features), network(images))
    with evaluating(network), evaluating(halves.before), evaluating(halves.after):
        assert torch.equal(halves.after(halves.before(images)), network(images))


def test_both_halves_share_the_layers_of_the_network_under_their_names() -> None:
    network = network_of("resnet20", 3)
    halves = cut(network, RESNET_TAIL)
    assert halves is not None
    own = dict(network.named_parameters())
    for half in halves:
        found = dict(half.named_parameters())
        assert found
        assert all(own[name] is parameter for name, parameter in found.items())
    assert set(own) == {name for half in halves for name, _ in half.named_parameters()}


def test_dense_connections_are_cut_where_the_trained_block_begins() -> None:
    """Each of its layers sees the block's own input, which the frozen part makes."""
    halves = cut(outline("torchvision/densenet121", 3, 3, (64, 64)), ("features.denseblock3", "classifier"))
    assert halves is not None
    assert not any("denseblock2" in name for name, _ in halves.after.named_parameters())
    assert not any("denseblock3" in name for name, _ in halves.before.named_parameters())


@pytest.mark.parametrize(
    ("name", "trainable"),
    [
        ("lenet5", ("conv1", "fc2")),  # nothing stands before
        ("resnet20", ("conv1", "linear")),
        ("torchvision/densenet121", ("features.conv0", "classifier")),
    ],
)
def test_what_cannot_be_cut_is_not_cut(name: str, trainable: tuple[str, ...]) -> None:
    channels, side = (1, 32) if name == "lenet5" else (3, 64)
    assert cut(outline(name, 3, channels, (side, side)), trainable) is None


def test_places_of_dropout_have_no_weights_so_that_naming_them_lets_none_train() -> None:
    for name, entry in ARCHITECTURES.items():
        if entry.dropout:
            side = max(entry.smallest, 32)
            network = outline(name, 3, 3, (side, side))
            for place in entry.dropout:
                assert not list(network.get_submodule(place).parameters()), (name, place)
                assert not list(network.get_submodule(place).children()), (name, place)


def test_dropout_before_the_head_acts_where_its_place_is_said_to_train() -> None:
    """A frozen layer drops nothing: a plan names the places of dropout beside the head."""
    places = ARCHITECTURES["digits_cnn"].dropout
    rate = {"dropout": Decimal("0.5")}
    named, _ = trained("digits_cnn", (*DIGITS_HEAD, *places), **rate)
    silent, _ = trained("digits_cnn", DIGITS_HEAD, **rate)
    plain, _ = trained("digits_cnn", DIGITS_HEAD)
    head = f"{DIGITS_HEAD[0]}.weight"
    values = [network_arrays(one.network)[head] for one in (named, silent, plain)]
    assert np.array_equal(values[1], values[2])
    assert not np.array_equal(values[0], values[2])
