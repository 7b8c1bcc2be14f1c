"""torchvision's classifiers × masks: the written model says what torch computes for the trained one."""

import pytest

from tests.support.read_back import SIZES, read_back
from winnow.contract.catalog.architectures import ARCHITECTURES


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if "/" in name])
def test_trained_and_pruned_to_a_tenth_it_is_read_back_equal_from_its_files(tmp_path, name, size):
    read_back(tmp_path, ARCHITECTURES[name], *SIZES[size])
