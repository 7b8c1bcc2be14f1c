"""The fingerprint of a data set: a SHA-256 over names and contents, the same whatever the container.

Two forms, each a text in UTF-8 whose SHA-256 is the fingerprint. Lines end in a line feed; JSON is written without
spaces, with non-ASCII characters as they are.

**Image files** (a zip, a folder):

    winnow data set 1: files
    ["test","seven","0001.png","<SHA-256 of the file's bytes>"]
    ["train","seven","0001.png","<SHA-256 of the file's bytes>"]
    …

One line an image: split, class, file name, content; sorted by the first three, by code points. What lies without
`train/` and `test/` above it is `train`. The top folder that a zip may have, ignored files, order, compression and
time stamps do not enter: a zip and the folder that it was made of have one fingerprint.

**Arrays** (an `.npz`, the built-in sets):

    winnow data set 1: arrays
    ["0","1",…]                                                            the class names, by index
    ["train",[N,H,W,C],"<SHA-256 of x>","<SHA-256 of y>"]
    ["test",[N,H,W,C],"<SHA-256 of x>","<SHA-256 of y>"]                   where there is a test set

x are its bytes, uint8, C order, N×H×W×C (without a last axis, C is 1); y are the class indices as little-endian int64.

The size that images are resized to and the channels they are decoded to do not enter: they stand beside the
fingerprint in every recipe, and so the same images are test images at every size.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np

from winnow.artifact.uploads.raw import RawImages

SplitName = Literal["train", "test"]


class FileDigest(NamedTuple):
    """One image file: where it belongs, and the SHA-256 of its bytes in hexadecimal."""

    split: SplitName
    label: str
    name: str
    sha256: str


class ArrayDigest(NamedTuple):
    """One split as arrays: the shape of x with its channels, and the SHA-256 of both arrays in hexadecimal."""

    split: SplitName
    shape: tuple[int, int, int, int]
    x: str
    y: str


def of_files(digests: Iterable[FileDigest]) -> str:
    """The fingerprint of image files, in whatever order they come."""
    return _fingerprint("winnow data set 1: files", sorted(digests))


def of_arrays(classes: tuple[str, ...], digests: Iterable[ArrayDigest]) -> str:
    """The fingerprint of arrays: train first, then test."""
    return _fingerprint("winnow data set 1: arrays", [classes, *digests])


def of_raw(classes: tuple[str, ...], raw: RawImages) -> str:
    """The fingerprint of arrays that are in memory."""
    splits: list[tuple[SplitName, Any, Any]] = [("train", raw.x, raw.y), ("test", raw.x_test, raw.y_test)]
    return of_arrays(
        classes,
        [ArrayDigest(split, x.shape, _digest(x), _digest(y.astype("<i8"))) for split, x, y in splits if x is not None],
    )


def _digest(array: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def _fingerprint(title: str, lines: Iterable[tuple[Any, ...]]) -> str:
    digest = hashlib.sha256(f"{title}\n".encode())
    for line in lines:
        digest.update(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()
