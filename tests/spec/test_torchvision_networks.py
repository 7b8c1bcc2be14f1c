"""torchvision's classifiers × masks: the written model says what torch computes for the trained one."""

import pytest

from tests.support.architectures import KINDS, THEIRS
from tests.support.read_back import SIZES, read_back
from winnow.contract.catalog.architectures import ARCHITECTURES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("name", THEIRS if metafunc.config.getoption("every_architecture") else KINDS)


@pytest.mark.parametrize("size", SIZES)
def test_trained_and_pruned_to_a_tenth_it_is_read_back_equal_from_its_files(tmp_path, name, size):
    read_back(tmp_path, ARCHITECTURES[name], *SIZES[size])
