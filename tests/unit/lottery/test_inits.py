import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.lottery import recipe
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.lottery.architectures.lenet_300_100 import lenet_300_100
from winnow.lottery.inits import INITS, initial
from winnow.lottery.units.evidence import digest


def test_glorot_normal_has_its_variance_and_no_bias() -> None:
    values = initial(recipe(size=(28, 28), init="glorot_normal"), 1)
    assert values["fc1.weight"].std() == pytest.approx(math.sqrt(2 / (784 + 300)), rel=0.01)
    assert not values["fc1.bias"].any()


def test_kaiming_normal_has_its_variance_and_no_bias() -> None:
    values = initial(recipe("conv2", size=(28, 28), init="kaiming_normal"), 1)
    assert values["conv2.weight"].std() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)
    assert not values["conv2.bias"].any()


def test_torch_draws_what_torch_layers_draw() -> None:
    torch.manual_seed(11)
    theirs = lenet_300_100(3, 1, (8, 8)).state_dict()
    ours = initial(recipe(init="torch"), 11)
    assert all(np.array_equal(ours[name], tensor.numpy()) for name, tensor in theirs.items())


def test_batch_norm_starts_as_the_identity() -> None:
    values = initial(recipe("resnet20"), 3)
    norms = {name: array for name, array in values.items() if ".bn1." in name}
    assert all((array == 1).all() for name, array in norms.items() if name.endswith(("weight", "running_var")))
    assert not any(array.any() for name, array in norms.items() if name.endswith(("bias", "running_mean", "tracked")))


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_one_seed_gives_the_same_bytes_always_zero_included(init: str, seed: int) -> None:
    """Trap 12: draws that nobody seeds, and 0 taken for no seed."""
    settings = recipe(init=init)
    first = digest(initial(settings, seed))
    torch.manual_seed(99)
    nn.Linear(3, 3)
    assert digest(initial(settings, seed)) == first
    assert digest(initial(settings, seed ^ 1)) != first


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_drawing_touches_no_global_random_state_and_sets_everything(architecture: str) -> None:
    settings = recipe(architecture, size=(16, 16), init="torch")
    before = torch.get_rng_state()
    values = initial(settings, 0)
    assert torch.equal(torch.get_rng_state(), before)
    # Two nets in two pieces of memory agree: nothing was left as it lay there.
    assert digest(values) == digest(initial(settings, 0))
    assert all(np.isfinite(array).all() for array in values.values())
