"""The stores that need no server."""

from pathlib import Path

import pytest

from tests.conformance.object_store import ObjectStoreConformance
from tests.support.objects import put_bytes
from winnow.storage import Objects


class TestLocalFolder(ObjectStoreConformance):
    """A folder, as `winnow serve` uses it."""

    @pytest.fixture
    def objects(self, tmp_path_factory: pytest.TempPathFactory) -> Objects:
        return Objects.open((tmp_path_factory.mktemp("store") / "with space").as_uri())


class TestMemory(ObjectStoreConformance):
    """Memory, for tests."""

    @pytest.fixture
    def objects(self) -> Objects:
        return Objects.open("memory:///")


def test_objects_lie_where_the_design_says(tmp_path: Path) -> None:
    ref = put_bytes(Objects.open(tmp_path.as_uri()), b"x")
    assert (tmp_path / "objects" / ref.sha256[:2] / ref.sha256[2:4] / ref.sha256).read_bytes() == b"x"
