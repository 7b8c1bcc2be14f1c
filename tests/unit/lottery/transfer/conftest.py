from pathlib import Path

import pytest

from tests.support.lottery import do_all
from tests.support.transfers import source_job
from winnow.lottery.units import Warm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the source's units lie, done."""
    found = tmp_path_factory.mktemp("source")
    do_all(source_job(), found, Warm(None))
    return found
