"""What the service tells of the library without torch is what the library does."""

import pkgutil
from types import ModuleType

import pytest

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.criteria import CRITERIA
from winnow.contract.specs.training import Train
from winnow.lottery import architectures, criteria
from winnow.lottery.inits import INITS


def files_of(package: ModuleType) -> set[str]:
    return {module.name for module in pkgutil.iter_modules(package.__path__)}


def test_every_family_has_a_file_and_every_file_is_a_family() -> None:
    assert {entry.family for entry in ARCHITECTURES.values()} == files_of(architectures)
    assert all(entry.name == name for name, entry in ARCHITECTURES.items())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_says_where_it_comes_from(name: str) -> None:
    assert any(str(year) in ARCHITECTURES[name].source for year in range(1950, 2030))


def test_every_criterion_has_a_file_and_every_file_is_a_criterion() -> None:
    assert set(CRITERIA) == files_of(criteria)
    assert all(entry.name == name for name, entry in CRITERIA.items())


def test_specs_accept_the_initialisers_there_are() -> None:
    for name in INITS:
        assert Train(init=name).init == name
