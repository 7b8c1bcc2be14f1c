from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.support.lottery import OPTIMIZERS, random_masks, recipe, split, start
from winnow.contract.specs.training import Adam, AdamW, Optimizer, Sgd
from winnow.lottery.masking import DeviceMasks
from winnow.lottery.state import State, network_arrays
from winnow.lottery.training import Training, take_step


def trained(
    optimizer: Optimizer,
    after_each: Callable[[Training], None],
    architecture: str = "digits_cnn",
    clip: Decimal | None = None,
) -> Training:
    """From a dense run's third step on, so that the optimizer remembers every weight."""
    settings = recipe(architecture, optimizer=optimizer, clip=clip)
    dense = Training(settings, split(), start(settings), {})
    for _ in range(3):
        take_step(dense)
    training = Training(settings, split(), dense.state(), random_masks(settings))
    for _ in range(settings.steps):
        take_step(training)
        after_each(training)
    return training


def bits_under_masks(training: Training) -> np.ndarray:
    masks, arrays = random_masks(training.recipe), network_arrays(training.network)
    return np.concatenate([arrays[name][~mask].view(np.int32) for name, mask in masks.items()])


@pytest.mark.parametrize("clip", [None, Decimal("0.1")])
@pytest.mark.parametrize("architecture", ["lenet_300_100", "digits_cnn", "resnet20"])
@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, Sgd(momentum=0), Adam()], ids=repr)
def test_masked_weights_are_plus_zero_after_every_step(
    optimizer: Optimizer, architecture: str, clip: Decimal | None
) -> None:
    """Trap 16: momentum or weight decay revives what was pruned where only gradients are masked."""
    looks = 0

    def look(training: Training) -> None:
        nonlocal looks
        bits = bits_under_masks(training)
        looks += 1
        assert bits.size > 0
        assert not bits.any(), "+0.0, not −0.0 and not almost 0"
        assert training.masks.zeros() == bits.size

    trained(optimizer, look, architecture, clip)
    assert looks == 9


def test_zeros_counts_what_is_there_and_not_what_should_be() -> None:
    training = trained(Adam(), lambda _training: None)
    total = training.masks.zeros()
    name, mask = next(iter(random_masks(training.recipe).items()))
    with torch.no_grad():
        training.network.get_parameter(name)[torch.from_numpy(~mask)] = -0.0
    assert training.masks.zeros() == total - int((~mask).sum())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -3.0, -0.0])
def test_whatever_a_masked_weight_held_it_becomes_plus_zero(value: float) -> None:
    network = torch.nn.Linear(2, 2)
    mask = np.array([[True, False], [False, True]])
    with torch.no_grad():
        network.weight.fill_(value)

    DeviceMasks(network, {"weight": mask}).apply()

    bits = network.weight.detach().numpy().view(np.int32)
    assert not bits[~mask].any()
    kept = np.full((2, 2), value, np.float32).view(np.int32)
    assert np.array_equal(bits[mask], kept[mask]), "survivors bit by bit as they were"


@pytest.mark.parametrize("optimizer", [Sgd(), Sgd(nesterov=True), Adam(), AdamW(weight_decay=Decimal(0))], ids=repr)
def test_live_weights_of_both_signs_move(optimizer: Optimizer) -> None:
    """Trap 2: a freeze test that takes every negative weight for a pruned one. Weight decay would hide it."""
    settings = recipe(optimizer=optimizer)
    before = start(settings).network["fc2.weight"]
    training, plain = (Training(settings, split(), start(settings), random_masks(settings)) for _ in range(2))
    images, labels = plain.batches.at(0)
    cross_entropy(plain.network(images), labels).backward()
    gradient = plain.network.get_parameter("fc2.weight").grad
    assert gradient is not None
    live = random_masks(settings)["fc2.weight"] & (gradient.abs().numpy() > 1e-6)
    take_step(training)
    after = network_arrays(training.network)["fc2.weight"]
    for side in (before > 0, before < 0):
        assert (live & side).sum() > 100
        assert (after != before)[live & side].all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_live_weight_that_is_zero_stays_trainable(optimizer: Optimizer) -> None:
    """Trap 18: liveness inferred from the value."""
    settings = recipe(optimizer=optimizer)
    masks = random_masks(settings)
    place = tuple(int(axis[0]) for axis in np.nonzero(masks["fc3.weight"]))
    fresh = start(settings)
    fresh.network["fc3.weight"][place] = 0.0  # type: ignore[index]  # a test may write where the library only reads
    training = Training(settings, split(), State(0, fresh.network, {}), masks)
    take_step(training)
    assert network_arrays(training.network)["fc3.weight"][place] != 0.0
