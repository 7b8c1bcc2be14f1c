from decimal import Decimal

import pytest
import torch
from torch import Tensor, nn

from tests.support.lottery import MOMENTUM, random_masks, recipe, split, start
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.recipes import Recipe
from winnow.lottery.architectures import build, prunable
from winnow.lottery.evaluation import score
from winnow.lottery.state import State, network_arrays
from winnow.lottery.training import Training, take_step
from winnow.lottery.units.evidence import digest

RATE = Decimal("0.3")
ABLE = [name for name, entry in ARCHITECTURES.items() if entry.dropout and entry.smallest <= 8]


def training_of(settings: Recipe) -> Training:
    return Training(settings, split(), start(settings), {})


def drops(training: Training, step: int) -> Tensor:
    """What each place makes of ones at a step, in the order of the layers."""
    training.dropout.draw_for(step)
    places = ARCHITECTURES[training.recipe.architecture].dropout
    return torch.stack([training.network.get_submodule(place)(torch.ones(2000, 100)) for place in places])


def test_the_share_that_is_asked_for_is_dropped_and_the_rest_made_up_for_it() -> None:
    found = drops(training_of(recipe(dropout=RATE)), 0)
    assert (found == 0).double().mean() == pytest.approx(0.3, abs=0.005)
    assert found[found != 0].unique().tolist() == pytest.approx([1 / 0.7])
    assert found.mean() == pytest.approx(1, abs=0.01)


def test_in_bfloat16_the_rest_is_made_up_for_as_in_float32() -> None:
    """Rounded once, at the end: 1 / 0.7 itself is 0.08 % off in bfloat16."""
    training = training_of(recipe(dropout=RATE))
    training.dropout.draw_for(0)
    (place, *_) = ARCHITECTURES[training.recipe.architecture].dropout
    ones = torch.full((2000, 100), 7.0, dtype=torch.bfloat16)  # 7 / 0.7 = 10 is a bfloat16
    found = training.network.get_submodule(place).train()
    kept = next(hook for hook in found._forward_hooks.values())(found, (), ones)
    assert kept.dtype == torch.bfloat16
    assert kept.unique().tolist() == [0, 10]


def test_each_layer_has_drops_of_its_own() -> None:
    first, second = drops(training_of(recipe(dropout=RATE)), 0)
    assert not torch.equal(first, second)


def test_arms_and_levels_drop_the_same_at_the_same_step() -> None:
    settings = recipe(dropout=RATE, optimizer=MOMENTUM)
    dense = training_of(settings)
    ticket = Training(settings, split(), State(4, start(settings, 1).network, {}), random_masks(settings))
    take_step(ticket)
    for step in (4, 0, 7):
        assert torch.equal(drops(ticket, step), drops(dense, step))


@pytest.mark.parametrize("change", [{"seed": 1}, {"replicate": 1}], ids=repr)
def test_other_seeds_and_replicates_drop_others(change: dict[str, int]) -> None:
    mine, theirs = (training_of(recipe(dropout=RATE, **more)) for more in ({}, change))
    assert not torch.equal(drops(mine, 0), drops(theirs, 0))
    assert not torch.equal(drops(mine, 0), drops(mine, 1))


def test_measuring_drops_nothing() -> None:
    plain, dropping = (training_of(recipe(dropout=rate)) for rate in (Decimal(0), RATE))
    seen = [score(one.network, one.split.test, one.split.preprocessing, lambda: None) for one in (plain, dropping)]
    assert seen[0] == seen[1]


def test_drops_come_from_no_global_generator() -> None:
    before = torch.get_rng_state()
    take_step(training_of(recipe(dropout=RATE)))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(7)
    one = training_of(recipe(dropout=RATE))
    take_step(one)
    torch.manual_seed(8)
    two = training_of(recipe(dropout=RATE))
    take_step(two)
    assert digest(network_arrays(one.network)) == digest(network_arrays(two.network))


@pytest.mark.parametrize("architecture", ABLE)
def test_a_step_with_dropout_is_another_one(architecture: str) -> None:
    found = set()
    for rate in (Decimal(0), RATE):
        training = training_of(recipe(architecture, dropout=rate))
        take_step(training)
        found.add(digest(network_arrays(training.network)))
    assert len(found) == 2


def test_tensors_have_the_names_that_they_have_without() -> None:
    plain, dropping = (training_of(recipe("conv2", dropout=rate)) for rate in (Decimal(0), RATE))
    assert [*network_arrays(plain.network)] == [*network_arrays(dropping.network)]
    assert [name for name, _ in plain.network.named_modules()] == [name for name, _ in dropping.network.named_modules()]


def test_the_cnn_for_cifar_drops_what_goes_into_its_first_linear_layer() -> None:
    assert ARCHITECTURES["cifar_cnn"].dropout == ("flatten",)


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "cifar_cnn" and "/" not in name])
def test_it_comes_after_the_activation_of_each_hidden_linear_layer(architecture: str) -> None:
    network = build(architecture, 10, 1, (32, 32))
    modules = list(network.named_modules())
    hidden = [f"{name}.weight" for name, module in modules if isinstance(module, nn.Linear)][:-1]
    assert [name for name, kind in prunable(network).items() if kind == "linear"] == hidden
    behind = [modules[place + 1] for place, (name, _) in enumerate(modules) if f"{name}.weight" in hidden]
    assert [name for name, _ in behind] == list(ARCHITECTURES[architecture].dropout)
    assert all(isinstance(module, nn.ReLU) for _, module in behind)
