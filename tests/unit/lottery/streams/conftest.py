"""Folders of images on disk, and those who decode them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.folders import shapes
from tests.support.processes import running
from winnow.contract.datasets import DatasetFacts
from winnow.lottery.data.decoders import Decoders


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the shapes in it, to be left as it is."""
    folder = tmp_path_factory.mktemp("data")
    shapes(folder)
    return folder


@pytest.fixture(scope="module")
def facts(data_dir: Path) -> DatasetFacts:
    return shapes(data_dir)


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    """Started once: most tests do not care who decodes."""
    found = Decoders(2)
    yield found
    found.rest()


@pytest.fixture
def started() -> Callable[[], set[int]]:
    """The decoders that were started since the test began, and still run."""
    before = children()
    return lambda: children() - before


def children() -> set[int]:
    return {child.pid for child in running("winnow.artifact.uploads.decoder", os.getpid())}
