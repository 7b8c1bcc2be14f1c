"""MACs: as published, and by hand."""

import pytest

from tests.support.lottery import recipe
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.results import TensorCount, UnitResult
from winnow.lottery.inits import initial
from winnow.lottery.multiplications import multiplications


def macs(architecture: str, channels: int, side: int, classes: int = 10) -> int:
    """Of all prunable weights."""
    settings = recipe(architecture, classes=classes, channels=channels, size=(side, side))
    shapes = {name: array.size for name, array in initial(settings, 0).items()}
    cost = multiplications(settings.network, [name for name, _ in ARCHITECTURES[architecture].layers])
    return sum(shapes[name] * times for name, times in cost.items())


def test_a_linear_network_multiplies_each_weight_once() -> None:
    assert macs("lenet_300_100", 1, 28) == 784 * 300 + 300 * 100 + 100 * 10


@pytest.mark.parametrize(("architecture", "million"), [("resnet56", 125), ("vgg16", 313)])
def test_a_cifar_network_costs_what_is_published(architecture: str, million: float) -> None:
    """Li et al. 2017, arXiv:1608.08710, table 1: 1.25 and 3.13 × 10^8."""
    assert macs(architecture, 3, 32) / 1e6 == pytest.approx(million, abs=0.5)


def result(*tensors: TensorCount, macs: int | None = 6 * 64 + 8 + 100) -> UnitResult:
    """A result with these tensors, and a layer of 100 multiplications that is never pruned."""
    return UnitResult.model_construct(tensors=tensors, parameters=114, macs_dense=macs)


CONV = TensorCount(name="conv", kind="conv", shape=(2, 3), zeros=2, multiplications=64)
FC = TensorCount(name="fc", kind="output", shape=(4, 2), zeros=8, multiplications=1)


def test_effective_macs_are_those_of_the_weights_that_are_left() -> None:
    found = result(CONV, FC)
    assert found.macs_effective == 4 * 64 + 100
    assert (found.zeros, found.nonzeros) == (10, 104)


def test_results_from_before_they_were_counted_have_no_macs() -> None:
    assert result(CONV, FC, macs=None).macs_effective is None
    assert result(CONV.model_copy(update={"multiplications": None})).macs_effective is None
