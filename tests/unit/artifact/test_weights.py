"""Safetensors: what is written comes back bit for bit, in bytes that depend on the content alone."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import numpy as library

from tests.support.tensors import arrays, by_name, names, same
from winnow.artifact.weights import read_tensors, read_weights, write_weights
from winnow.contract.problems import InvalidFile

SOME = {
    "b": np.array(7),
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "empty": np.zeros((0, 4), np.float16),
    "flags": np.array([True, False]),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file that each example overwrites."""
    return tmp_path_factory.mktemp("weights") / "weights.safetensors"


@given(st.dictionaries(names, arrays(), max_size=5), st.dictionaries(names, st.text('aé\n"', max_size=5), max_size=3))
def test_every_bit_and_the_metadata_come_back(path, tensors, metadata):
    write_weights(path, tensors, metadata)
    found, texts = read_tensors(path)
    assert same(found, by_name(tensors))
    assert texts == metadata


@given(st.dictionaries(names, arrays(), min_size=1, max_size=5))
def test_the_bytes_are_the_librarys_own(path, tensors):
    write_weights(path, tensors, {"shapes": "{}"})
    assert path.read_bytes() == library.save(tensors, {"shapes": "{}"})


def test_the_order_of_names_and_metadata_does_not_matter(tmp_path):
    write_weights(tmp_path / "1", SOME, {"a": "1", "b": "2"})
    write_weights(tmp_path / "2", dict(reversed(SOME.items())), {"b": "2", "a": "1"})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_another_process_writes_the_same_bytes(tmp_path):
    program = (
        "import numpy as np, pathlib, sys; from winnow.artifact.weights import write_weights;"
        "write_weights(pathlib.Path(sys.argv[1]), {'a': np.ones(3)}, {f'key {i}': str(i) for i in range(9)})"
    )
    for name in ("1", "2"):
        subprocess.run([sys.executable, "-c", program, tmp_path / name], check=True)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_arrays_that_lie_otherwise_in_memory_are_written_by_their_values(path):
    tensors = {
        "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "stepped": np.arange(9)[::2],
        "big-endian": np.arange(3, dtype=">f4"),
    }
    write_weights(path, tensors)
    found = read_weights(path)
    assert all(np.array_equal(found[name], array) for name, array in tensors.items())


def test_a_type_that_the_file_does_not_know_is_refused(path):
    with pytest.raises(ValueError, match="complex64 cannot be stored"):
        write_weights(path, {"a": np.zeros(1, np.complex64)})


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(dtype, shape, size):
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}


HOSTILE = {
    "nothing": b"",
    "a header longer than the file": (2**40).to_bytes(8, "little") + b"{}",
    "no JSON": file_of(b"{"),
    "JSON nested without end": file_of(b"[" * 100_000),
    "data missing": file_of(tensor("F32", [2], 8), b"1234"),
    "data left over": file_of(tensor("F32", [1], 4), b"12345678"),
    "overlapping tensors": file_of(tensor("U8", [2], 2) | {"b": tensor("U8", [2], 2)["a"]}, b"12"),
    "more values than there are": file_of(tensor("F32", [2**40, 2**40], 4), b"1234"),
    "no values in a shape that no array has": file_of(tensor("F32", [0, 2**62], 0)),
    "too many axes": file_of(tensor("F32", [1] * 100, 4), b"1234"),
    "a type that numpy does not have": file_of(tensor("BF16", [1], 2), b"12"),
    "a boolean of 7": file_of(tensor("BOOL", [1], 1), b"\x07"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_with_its_name(path, content):
    path.write_bytes(content)
    with pytest.raises(InvalidFile, match=r"weights\.safetensors"):
        read_weights(path)


def test_whatever_happens_to_a_byte_nothing_but_invalid_file_is_raised(path):
    write_weights(path, SOME, {"note": "é"})
    content = path.read_bytes()
    refused = 0
    for at in range(len(content)):
        for damaged in (content[:at], content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]):
            path.write_bytes(damaged)
            try:
                read_weights(path)
            except InvalidFile:
                refused += 1
    assert refused >= len(content), "each truncation, and each flip in the header's structure"


def test_nothing_is_left_where_writing_fails(tmp_path):
    with pytest.raises(ValueError, match="cannot be stored"):
        write_weights(tmp_path / "weights.safetensors", {"a": np.zeros(1), "b": np.array(["text"])})
    assert list(tmp_path.iterdir()) == []
