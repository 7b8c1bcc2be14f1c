"""The arrays of an `.npz` (a zip file of `.npy` entries), header first, never unpickled. NumPy's NEP 1."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from winnow.artifact.uploads import archive
from winnow.contract.problems import InvalidFile

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

MAX_ITEM = 4096
"""Bytes of one element: a name of 1,024 characters."""


@dataclass(frozen=True)
class StoredArray:
    """An array as its header describes it, in C order; its bytes are still in the archive."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _archive: zipfile.ZipFile
    _entry: zipfile.ZipInfo
    _offset: int

    def chunks(self) -> Iterator[NDArray[Any]]:
        """Its elements in order, flat, a megabyte or so at a time."""
        with self._archive.open(self._entry) as stream:
            stream.read(self._offset)
            while chunk := stream.read(archive.CHUNK - archive.CHUNK % self.dtype.itemsize):
                yield np.frombuffer(chunk, self.dtype)

    def read(self) -> NDArray[Any]:
        """All of it."""
        array = np.empty(prod(self.shape), self.dtype)
        filled = 0
        for chunk in self.chunks():
            array[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
        return array.reshape(self.shape)


@contextmanager
def arrays(path: Path) -> Iterator[dict[str, StoredArray]]:
    """The arrays of an `.npz` by name, to be read inside the block.

    Raises InvalidFile for what is damaged, hostile, in Fortran order, or longer or shorter than its header says.
    """
    with archive.opened(path) as (file, entries):
        yield {entry.filename.removesuffix(".npy"): _stored(file, entry) for entry in entries}


def _stored(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> StoredArray:
    with file.open(entry) as stream:
        shape, fortran, dtype = _header(stream, entry.filename)
        offset = stream.tell()
    if dtype.hasobject or not 0 < dtype.itemsize <= MAX_ITEM:
        raise InvalidFile(
            f"{entry.filename} holds {dtype}: make it an array of numbers or short names before saving it"
        )
    if fortran and len(shape) > 1:
        raise InvalidFile(f"{entry.filename} is in Fortran order: save np.ascontiguousarray(…) of it")
    if min(shape, default=0) < 0 or prod(shape) * dtype.itemsize != entry.file_size - offset:
        raise InvalidFile(f"{entry.filename} is not as long as its shape {shape} says: save it again")
    return StoredArray(shape, dtype, file, entry, offset)


def _header(stream: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        return _HEADERS[np.lib.format.read_magic(stream)](stream)
    # A header is a Python literal, and NumPy raises whatever a broken one trips over, tokenize.TokenError included.
    except Exception as error:
        raise InvalidFile(
            f"{name} is no NumPy array ({error}): save the file again with np.savez_compressed"
        ) from error
