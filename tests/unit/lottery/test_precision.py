"""bf16: the products of a step alone, in training alone."""

import pytest
import torch

from tests.support.lottery import MOMENTUM, random_masks, recipe, split, start
from winnow.lottery.training import Training, gradients, take_step

ARCHITECTURES = ["lenet_300_100", "digits_cnn", "resnet20"]


def training_of(architecture: str, **changes: object) -> Training:
    settings = recipe(architecture, optimizer=MOMENTUM, **changes)
    return Training(settings, split(), start(settings), random_masks(settings))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_are_rounded_and_no_more_than_that(architecture: str) -> None:
    """bfloat16 has 8 bits: what comes out is near float32, and is not float32."""
    found = []
    for precision in (None, "bf16"):
        training = training_of(architecture, precision=precision)
        loss = gradients(training)
        assert loss.dtype == torch.float32
        found.append(torch.cat([p.grad.flatten() for p in training.optimizer.parameters if p.grad is not None]))
    exact, rounded = found
    apart = float((exact - rounded).norm() / exact.norm())
    assert 1e-5 < apart < 0.3


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_kept_is_float32_and_what_is_masked_stays_zero(architecture: str) -> None:
    training = training_of(architecture, precision="bf16")
    for _ in range(9):
        take_step(training)
        masked = sum(int((~mask).sum()) for mask in training.host_masks.values())
        assert training.masks.zeros() == masked
    state = training.state()
    kept = [*state.network.values(), *state.optimizer.values()]
    assert {str(array.dtype) for array in kept if array.dtype.kind == "f"} == {"float32"}
