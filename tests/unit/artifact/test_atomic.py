"""A file is there whole or not at all, and is named by its content."""

import hashlib

import pytest

from winnow.artifact.atomic import write_atomically
from winnow.artifact.digest import file_ref


def breaks_off():
    yield b"half of it"
    raise OSError("no space left")


def test_a_write_that_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, [b"old"])
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, breaks_off())
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"old")]


def test_the_new_file_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, [b"old"])
    write_atomically(path, [b"new ", memoryview(b"parts")])
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"new parts")]


@pytest.mark.parametrize("content", [b"", b"abc", bytes(3_000_000)])
def test_a_file_is_named_by_its_sha256_and_size(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    found = file_ref(tmp_path / "file")
    assert (found.sha256, found.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
