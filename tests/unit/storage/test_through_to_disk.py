"""A put to a folder waits for the disk, and so for the folders on its way."""

import errno
import os
from pathlib import Path

import pytest

from tests.support.objects import put_bytes
from winnow.contract.problems import Unavailable
from winnow.storage import Objects


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was waited for, as far as this test's own files go."""
    found: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        found.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux says what a descriptor is of")
@pytest.mark.parametrize("size", [1, 9 * 2**20])
def test_the_file_and_its_folders_are_there_for_good(tmp_path: Path, waited: list[str], size: int) -> None:
    (tmp_path / "content").write_bytes(bytes(size))
    ref = Objects.open(f"file://{tmp_path / 'store'}").put(tmp_path / "content")
    folders = ["objects", ref.sha256[:2], ref.sha256[2:4]]
    places = [tmp_path / "store"]
    for folder in folders:
        places.append(places[-1] / folder)
    assert waited == [str(place) for place in reversed([*places, places[-1] / ref.sha256])]


def test_a_file_system_that_knows_no_such_thing_of_folders_is_a_store_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if os.path.isdir(descriptor):  # noqa: PTH112 - a descriptor has no path
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    objects = Objects.open(f"file://{tmp_path / 'store'}")
    assert objects.exists(put_bytes(objects, b"here").sha256)


def test_a_file_that_cannot_be_waited_for_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Unavailable, match="Input/output error"):
        put_bytes(Objects.open(f"file://{tmp_path / 'store'}"), b"lost")
