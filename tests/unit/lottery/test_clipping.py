from decimal import Decimal

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.lottery import random_masks, recipe, split, start
from winnow.contract.specs.training import Sgd
from winnow.lottery.clipping import clip
from winnow.lottery.masking import DeviceMasks
from winnow.lottery.selection import Mask
from winnow.lottery.state import network_arrays
from winnow.lottery.training import Training, take_step
from winnow.lottery.units.evidence import digest

MASK = np.array([[True, False], [False, True]])


def clipped(gradient: list[list[float]], mask: Mask, greatest: float) -> np.ndarray:
    """What clipping makes of the gradient of a 2×2 weight."""
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.grad = torch.tensor(gradient)
    clip(layer.parameters(), DeviceMasks(layer, {"weight": mask}), greatest)
    return layer.weight.grad.numpy()


@pytest.mark.parametrize("pruned", [0.0, -7.0, 1e30, float("inf"), float("nan")])
def test_the_gradient_of_a_pruned_weight_has_no_say_in_the_norm(pruned: float) -> None:
    found = clipped([[3.0, pruned], [pruned, -4.0]], MASK, 1.0)
    assert found[MASK] == pytest.approx([0.6, -0.8], rel=1e-5)
    assert not found[~MASK].view(np.int32).any()


def test_gradients_within_the_norm_stay_bit_by_bit() -> None:
    gradient = [[0.3, 0.1], [-0.2, 0.7]]
    assert np.array_equal(clipped(gradient, np.ones((2, 2), np.bool_), 1.0), np.float32(gradient))


@pytest.mark.parametrize("architecture", ["lenet_300_100", "digits_cnn", "resnet20"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_step_of_plain_descent_is_as_long_as_the_clipped_norm(architecture: str, masked: bool) -> None:
    """Over what is left: were pruned weights counted, the step of the others would be shorter."""
    settings = recipe(architecture, optimizer=Sgd(lr=Decimal(1), momentum=Decimal(0)), clip=Decimal("0.01"))
    masks = random_masks(settings) if masked else {}
    training = Training(settings, split(), start(settings), masks)
    before = {name: value.detach().clone() for name, value in training.network.named_parameters()}
    take_step(training)
    moved = [(value.detach() - before[name]).double() for name, value in training.network.named_parameters()]
    assert sum(float(part.square().sum()) for part in moved) ** 0.5 == pytest.approx(0.01, rel=1e-3)


def test_a_step_is_clipped_though_a_masked_layer_is_frozen() -> None:
    """What is frozen has no gradient: neither a say in the norm nor anything to mask."""
    settings = recipe(optimizer=Sgd(lr=Decimal(1), momentum=Decimal(0)), clip=Decimal("0.01"))
    training = Training(settings, split(), start(settings), random_masks(settings), trainable=("fc3",))
    before = {name: value.detach().clone() for name, value in training.network.named_parameters()}
    take_step(training)
    moved = {name: float((value.detach() - before[name]).norm()) for name, value in training.network.named_parameters()}
    assert (moved["fc3.weight"] ** 2 + moved["fc3.bias"] ** 2) ** 0.5 == pytest.approx(0.01, rel=1e-3)
    assert not any(moved[name] for name in moved if not name.startswith("fc3."))


def test_without_a_limit_or_with_one_out_of_reach_the_steps_are_the_same() -> None:
    ends = []
    for limit in (None, Decimal(1000)):
        settings = recipe(optimizer=Sgd(lr=Decimal("0.05")), clip=limit)
        training = Training(settings, split(), start(settings), random_masks(settings))
        for _ in range(3):
            take_step(training)
        ends.append(digest(network_arrays(training.network)))
    assert ends[0] == ends[1]
