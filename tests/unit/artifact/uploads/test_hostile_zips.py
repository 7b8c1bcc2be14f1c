"""Archives that are damaged, or made to do harm: each is refused with a text that says what to do, in little memory."""

import contextlib
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.uploads import classes, image, zipped
from winnow.artifact.uploads import archive, inspect_zip
from winnow.contract.problems import InvalidFile


def _with_entry(path: Path, change: Callable[[zipfile.ZipInfo], None]) -> Path:
    """A sound data set, and one entry more that was tampered with."""
    zipped(path, classes("a", "b"))
    with zipfile.ZipFile(path, "a") as file:
        entry = zipfile.ZipInfo("a/odd.png")
        change(entry)
        file.writestr(entry, image())
    return path


def test_symbolic_links_and_devices_are_refused(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        path = _with_entry(tmp_path / "a.zip", lambda entry, kind=kind: setattr(entry, "external_attr", kind << 16))
        with pytest.raises(InvalidFile, match="a link or a device"):
            inspect_zip(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compression_is_refused(tmp_path: Path, method: int) -> None:
    path = _with_entry(tmp_path / "a.zip", lambda entry: setattr(entry, "compress_type", method))
    with pytest.raises(InvalidFile, match="use deflate"):
        inspect_zip(path)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b"))
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("a/0.png", image(5))
    with pytest.raises(InvalidFile, match=r"two entries named 'a/0\.png'"):
        inspect_zip(path)


def _central(path: Path, offset: int, form: str, value: int) -> Path:
    """The archive with one field of its last entry in the table of contents overwritten."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.rfind(b"PK\x01\x02") + offset, value)
    path.write_bytes(data)
    return path


def test_encrypted_entries_are_refused(tmp_path: Path) -> None:
    path = _central(zipped(tmp_path / "a.zip", classes("a", "b")), 8, "<H", 1)
    with pytest.raises(InvalidFile, match="without a password"):
        inspect_zip(path)


def test_a_name_with_a_hidden_end_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b") | {"a/x.png?.sh": image()})
    path.write_bytes(path.read_bytes().replace(b"x.png?.sh", b"x.png\0.sh"))
    with pytest.raises(InvalidFile, match="plain paths"):
        inspect_zip(path)


def test_an_empty_name_is_refused(tmp_path: Path) -> None:
    name_and_extra_lengths = 0 | 1 << 16
    path = _central(zipped(tmp_path / "a.zip", classes("a", "b") | {"z": b""}), 28, "<I", name_and_extra_lengths)
    with pytest.raises(InvalidFile, match="plain paths"):
        inspect_zip(path)


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b") | {"b/last.png": image()}, zipfile.ZIP_STORED)
    size = path.stat().st_size
    _central(path, 20, "<I", size)
    with pytest.raises(InvalidFile, match="overlap"):
        inspect_zip(path)


def test_a_size_that_is_a_lie_unpacks_no_further_than_promised(tmp_path: Path) -> None:
    bomb = bytes(60 * 2**20)
    path = _central(zipped(tmp_path / "a.zip", classes("a", "b") | {"b/x.png": bomb}), 24, "<I", 1000)
    tracemalloc.start()
    with pytest.raises(InvalidFile):
        inspect_zip(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_wrong_checksum_is_told(tmp_path: Path) -> None:
    path = _central(zipped(tmp_path / "a.zip", classes("a", "b")), 16, "<I", 0)
    with pytest.raises(InvalidFile, match="damaged"):
        inspect_zip(path)


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a/0.png": b""})
    data = path.read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    contents = data[start:end] * (archive.MAX_ENTRIES + 1)
    path.write_bytes(data[:start] + contents + data[end : end + 12] + struct.pack("<IIH", len(contents), start, 0))
    with pytest.raises(InvalidFile, match="100,001 entries"):
        inspect_zip(path)


def test_a_long_table_of_contents_is_never_read(tmp_path: Path) -> None:
    long = {"n" * 60_000 + str(index): b"" for index in range(250)}
    with pytest.raises(InvalidFile, match="table of contents"):
        inspect_zip(zipped(tmp_path / "a.zip", long))


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 100])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(InvalidFile, match="make it again"):
        inspect_zip(path)


def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(2**20)
    # A megabyte behind the end of each image: readers of images stop before it.
    files = {path: data + noise for path, data in classes("a", "b", each=40).items()}
    path = zipped(tmp_path / "a.zip", files, zipfile.ZIP_STORED)
    tracemalloc.start()
    inspect_zip(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return zipped(tmp_path_factory.mktemp("sound") / "a.zip", classes("a", "b")).read_bytes()


@settings(max_examples=100)
@given(changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=5), cut=st.integers(0, 100))
def test_a_damaged_archive_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(sound)
    for place, value in changes:
        data[-1 - place % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(data[: len(data) - (cut if cut > 50 else 0)])
    with contextlib.suppress(InvalidFile):
        inspect_zip(path)
