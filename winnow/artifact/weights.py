"""Tensors as safetensors: written here, byte-stable; read by the safetensors library.

The library's own writer puts the metadata in an order that changes from process to process. The one here gives the
library's bytes otherwise: header, tensors by type, widest first, then by name. See `docs/formats.md`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from winnow.artifact.atomic import write_atomically
from winnow.contract.problems import InvalidFile

Array = np.ndarray[Any, np.dtype[Any]]
Tensors = Mapping[str, Array]

DTYPES: dict[str, np.dtype[Any]] = {
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "F16": np.dtype("<f2"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
"""Types by their names in the file, in the order in which tensors lie there, widest first so that all are aligned.
What numpy does not have (BF16, the 8-bit floats) is refused."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_RANK = {name: rank for rank, name in enumerate(DTYPES)}


def dtype_name(array: Array) -> str:
    """The name of an array's type in the file; ValueError where it has none."""
    name = _NAMES.get(array.dtype.newbyteorder("<"))
    if name is None:
        raise ValueError(f"{array.dtype} cannot be stored: only {', '.join(DTYPES)}")
    return name


def raw_bytes(array: Array) -> bytes:
    """The values in C order, little-endian, bit for bit."""
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C").tobytes()


def write_weights(path: Path, tensors: Tensors, metadata: Mapping[str, str] | None = None) -> None:
    """Writes named arrays of any shape; the bytes depend on the values, names and metadata alone."""
    write_atomically(path, _parts(tensors, metadata or {}))


def _parts(tensors: Tensors, metadata: Mapping[str, str]) -> Iterator[bytes]:
    order = sorted(tensors, key=lambda name: (_RANK[dtype_name(tensors[name])], name))
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    end = 0
    for name in order:
        start, end = end, end + tensors[name].nbytes
        shape = list(tensors[name].shape)
        header[name] = {"dtype": dtype_name(tensors[name]), "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in order:
        yield raw_bytes(tensors[name])


def read_weights(path: Path) -> dict[str, Array]:
    """Named arrays, by name; InvalidFile where the file is not sound safetensors of numpy's types."""
    return read_tensors(path)[0]


def read_tensors(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Named arrays and the metadata; InvalidFile as `read_weights`."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = sorted(file.keys())
            for name in names:
                _check_dtype(path, name, file.get_slice(name).get_dtype())
            tensors = {name: file.get_tensor(name) for name in names}
            metadata = file.metadata() or {}
    except (SafetensorError, ValueError) as error:  # ValueError: shapes that numpy cannot have
        text = f"{path.name} is no sound safetensors file ({error}): it may be cut off, so get it again"
        raise InvalidFile(text) from error
    if not all(map(is_sound, tensors.values())):
        raise InvalidFile(f"{path.name} has booleans that are neither 0 nor 1; get it again")
    return tensors, metadata


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata alone; InvalidFile where the file is no safetensors."""
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise InvalidFile(f"{path.name} is no sound safetensors file ({error}): get it again") from error


def is_sound(array: Array) -> bool:
    """Whether booleans are 0 or 1: numpy computes with any byte, and gives other answers for others."""
    return array.dtype != np.bool_ or not bool((array.view(np.uint8) > 1).any())


def _check_dtype(path: Path, name: str, dtype: str) -> None:
    if dtype not in DTYPES:
        raise InvalidFile(f"{path.name}: {name} is {dtype}; convert it to one of {', '.join(DTYPES)}, say F32")
