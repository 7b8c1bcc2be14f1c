"""The one pickled format that Winnow reads: CIFAR's official files, written by Python 2 and NumPy 1.

A pickle is a program, and these come from the internet. So nothing runs before every instruction of the file is one
of the few that the official ones consist of; its three globals become stand-ins, which only note what they are given;
and NumPy makes arrays of their bytes, never of their say-so.
"""

import io
import pickle
import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from winnow.artifact.uploads.folder import file_bytes
from winnow.contract.problems import InvalidFile

MAX_BYTES = 2**28
"""Of one file; the largest official one has 155 MB."""

_INSTRUCTIONS = """
    PROTO EMPTY_DICT SETITEMS EMPTY_LIST APPENDS MARK TUPLE TUPLE1 TUPLE2 TUPLE3 SHORT_BINSTRING BINSTRING
    BININT BININT1 BININT2 NONE NEWFALSE BINPUT LONG_BINPUT GLOBAL REDUCE BUILD STOP
"""
_KNOWN = frozenset(_INSTRUCTIONS.split())
_GLOBALS = ("numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype")


def unpickled(path: Path) -> dict[bytes, Any]:
    """The dictionary in a file of CIFAR: lists, integers, texts as bytes, and `data` as uint8 N×D.

    Raises InvalidFile for a file that is damaged, too large, or holds anything else.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise _refused(path, f"it has {size:,} bytes, more than {MAX_BYTES:,}")
    content = file_bytes(path)
    _check_instructions(path, content)
    try:
        found = _Unpickler(io.BytesIO(content), encoding="bytes", fix_imports=False).load()
    # A pickle's machine raises whatever a broken program trips over: IndexError, TypeError, AttributeError, …
    except Exception as error:
        raise _refused(path, str(error)) from error
    if not isinstance(found, dict):
        raise _refused(path, "it holds no dictionary")
    return {name: _array(path, value) if isinstance(value, _Noted) else value for name, value in found.items()}


def _check_instructions(path: Path, content: bytes) -> None:
    """Every instruction is known, and puts only the next place of the memory, for which room is made."""
    puts = 0
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name not in _KNOWN:
                raise _refused(path, f"it has the instruction {opcode.name}")
            if opcode.name in ("BINPUT", "LONG_BINPUT"):
                puts += 1
                if argument != puts:
                    raise _refused(path, f"it puts something at place {argument}")
    except ValueError as error:
        raise _refused(path, str(error)) from error


@dataclass(slots=True)
class _Noted:
    """What a global was called with, and the state it was then given. Has no `__dict__` that a file could change."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


@dataclass(frozen=True, slots=True)
class _Global:
    """What the file takes for a function or class of NumPy."""

    name: str

    def __call__(self, *arguments: Any) -> _Noted:
        return _Noted(self.name, arguments)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> _Global:
        wanted = f"{module} {name}"
        if wanted not in _GLOBALS:
            raise pickle.UnpicklingError(f"it asks for {wanted[:80]!r}")
        return _Global(wanted)


def _array(path: Path, noted: _Noted) -> NDArray[np.uint8]:
    """The matrix whose state is version, shape, type, whether in Fortran order, and bytes."""
    match noted:
        case _Noted(
            "numpy.core.multiarray _reconstruct",
            state=(1, (int(rows), int(columns)), _Noted("numpy dtype", (b"u1", 0, 1)), False, bytes(pixels)),
        ) if min(rows, columns) >= 0 and rows * columns == len(pixels):
            return np.frombuffer(pixels, dtype=np.uint8).reshape(rows, columns)
    raise _refused(path, "it holds something else than a matrix of bytes")


def _refused(path: Path, why: str) -> InvalidFile:
    return InvalidFile(f"{path} is not the official file or is damaged ({why}): delete it, or put the whole file there")
