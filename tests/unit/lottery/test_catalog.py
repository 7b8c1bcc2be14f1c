"""What the service tells of the library without torch is what the library does."""

import pytest

from winnow.contract.catalog import ARCHITECTURES, CRITERIA
from winnow.contract.specs import Criterion, Train
from winnow.lottery import architectures, criteria
from winnow.lottery.architectures import build, prunable
from winnow.lottery.inits import INITS


def test_the_catalog_names_the_architectures_there_are() -> None:
    assert list(ARCHITECTURES) == list(architectures.BUILDERS)
    assert all(entry.name == name for name, entry in ARCHITECTURES.items())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_catalog_names_the_prunable_tensors_in_their_order(name: str) -> None:
    built = build(name, 10, 3, (32, 32))
    assert ARCHITECTURES[name].layers == tuple(prunable(built).items())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_says_where_it_comes_from(name: str) -> None:
    assert any(str(year) in ARCHITECTURES[name].source for year in range(1950, 2030))


def test_the_catalog_names_the_criteria_there_are() -> None:
    assert list(CRITERIA) == list(criteria.CRITERIA)
    for name in CRITERIA:
        assert Criterion(name=name).name == name


def test_specs_accept_the_initialisers_there_are() -> None:
    for name in INITS:
        assert Train(init=name).init == name
