"""CIFAR's files on a small scale: pickled as Python 2 and NumPy 1 did."""

import struct
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tests.support.uploads import pixels

RECONSTRUCT, NDARRAY, DTYPE = (b"numpy.core.multiarray\n_reconstruct", b"numpy\nndarray", b"numpy\ndtype")


class Python2:
    """A writer of protocol 2 that remembers all it writes, as Python 2's did."""

    def __init__(self) -> None:
        self._puts = 0

    def file(self, value: Any) -> bytes:
        """A whole pickle."""
        return b"\x80\x02" + self.value(value) + b"."

    def value(self, value: Any) -> bytes:  # noqa: PLR0911 - a case for each kind of value
        """One value: a dict, a list, a tuple, a text as bytes, an integer, an array, False or None."""
        match value:
            case None:
                return b"N"
            case False:
                return b"\x89"
            case int():
                return b"J" + struct.pack("<i", value)
            case bytes():
                return b"T" + struct.pack("<i", len(value)) + value + self._put()
            case tuple():
                return b"(" + b"".join(map(self.value, value)) + b"t" + self._put()
            case list():
                return b"]" + self._put() + b"(" + b"".join(map(self.value, value)) + b"e"
            case dict():
                parts = (part for item in value.items() for part in item)
                return b"}" + self._put() + b"(" + b"".join(map(self.value, parts)) + b"u"
        return self.array(value)

    def array(self, array: NDArray[Any]) -> bytes:
        """A NumPy array."""
        empty = b"(c" + NDARRAY + b"\n" + self.value((0,)) + self.value(b"b") + b"tR" + self._put()
        shape = self.value(1) + self.value(array.shape)
        kind = self.reduced(DTYPE, (array.dtype.str[1:].encode(), 0, 1))
        kind += self.value((3, b"|", None, None, None, -1, -1, 0)) + b"b"
        content = self.value(False) + self.value(array.tobytes())
        return b"c" + RECONSTRUCT + b"\n" + empty + b"(" + shape + kind + content + b"tb"

    def reduced(self, function: bytes, arguments: tuple[Any, ...]) -> bytes:
        """A call of a global, `module\\nname`."""
        return b"c" + function + b"\n" + self.value(arguments) + b"R" + self._put()

    def _put(self) -> bytes:
        self._puts += 1
        return b"r" + struct.pack("<I", self._puts)


def part(images: int, classes: int, labels: bytes = b"labels", first: int = 0) -> dict[bytes, Any]:
    """What a file of so many images holds; labels go round."""
    planes = pixels(images, 32, 32, 3).transpose(0, 3, 1, 2).reshape(images, -1)
    return {b"batch_label": b"a part", labels: [(first + index) % classes for index in range(images)], b"data": planes}


def cifar10(root: Path, images: int = 20) -> Path:
    """The files of a small CIFAR-10 under a data directory; the folder they are in."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for number, name in enumerate([*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]):
        (folder / name).write_bytes(Python2().file(part(images, 10, first=number)))
    return folder
