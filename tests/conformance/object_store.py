"""What every store of objects keeps to. A new backend is done when its subclass, which gives `objects`, passes."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.objects import put_bytes
from winnow.contract.problems import InvalidFile, NotFound
from winnow.storage import Objects
from winnow.storage.objects import MULTIPART_BYTES, path_of

ABSENT = hashlib.sha256(b"never stored").hexdigest()


class ObjectStoreConformance:
    """Promises of `Objects`, whatever keeps the bytes."""

    @pytest.fixture
    def objects(self) -> Objects:
        """An empty store of the backend under test."""
        raise NotImplementedError

    @pytest.mark.parametrize("size", [0, 1, 70_000])
    def test_bytes_come_back_under_their_hash(self, objects: Objects, tmp_path: Path, size: int) -> None:
        data = os.urandom(size)
        ref = put_bytes(objects, data)
        assert (ref.sha256, ref.bytes) == (hashlib.sha256(data).hexdigest(), size)
        objects.fetch(ref.sha256, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == data
        assert b"".join(objects.stream(ref.sha256)) == data

    def test_a_large_file_goes_up_in_parts_and_comes_back_whole(self, objects: Objects, tmp_path: Path) -> None:
        source = tmp_path / "large"
        source.write_bytes(os.urandom(MULTIPART_BYTES + 3))
        ref = objects.put(source)
        assert objects.put(source) == ref
        objects.fetch(ref.sha256, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()

    def test_writing_twice_at_once_changes_nothing(self, objects: Objects, tmp_path: Path) -> None:
        data = os.urandom(200_000)
        with ThreadPoolExecutor(8) as pool:
            refs = set(pool.map(lambda _: put_bytes(objects, data).sha256, range(16)))
        assert len(refs) == 1
        objects.fetch(refs.pop(), tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == data

    def test_what_is_not_there_says_so(self, objects: Objects, tmp_path: Path) -> None:
        assert not objects.exists(ABSENT)
        with pytest.raises(NotFound, match=ABSENT):
            objects.fetch(ABSENT, tmp_path / "back")
        with pytest.raises(NotFound, match=ABSENT):
            objects.stream(ABSENT)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63])
    def test_a_name_that_is_no_hash_names_nothing(self, objects: Objects, name: str) -> None:
        assert not objects.exists(name)
        with pytest.raises(NotFound, match="hexadecimal"):
            objects.stream(name)

    def test_deleting_removes_and_deleting_again_is_no_error(self, objects: Objects) -> None:
        ref = put_bytes(objects, b"to be forgotten")
        assert objects.exists(ref.sha256)
        objects.delete(ref.sha256)
        objects.delete(ref.sha256)
        assert not objects.exists(ref.sha256)

    def test_damage_is_noticed_and_never_handed_on(self, objects: Objects, tmp_path: Path) -> None:
        ref = put_bytes(objects, b"as it was made")
        obstore.put(objects.store, path_of(ref.sha256), b"as it was bent")
        with pytest.raises(InvalidFile, match="damaged"):
            objects.fetch(ref.sha256, tmp_path / "back")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("damaged", [b"who", b"where"])
    def test_a_damaged_object_is_mended_by_the_next_put(self, objects: Objects, tmp_path: Path, damaged: bytes) -> None:
        ref = put_bytes(objects, b"whole")
        obstore.put(objects.store, path_of(ref.sha256), damaged)
        put_bytes(objects, b"whole")
        objects.fetch(ref.sha256, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"whole"

    def test_a_range_is_a_slice(self, objects: Objects) -> None:
        data = os.urandom(300)
        sha256 = put_bytes(objects, data).sha256

        @given(start=st.integers(0, 320), end=st.none() | st.integers(0, 320))
        def holds(start: int, end: int | None) -> None:
            assert b"".join(objects.stream(sha256, start, end)) == data[start:end]

        holds()
