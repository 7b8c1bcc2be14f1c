"""The fingerprint of a data set: a SHA-256 over names and contents, the same whatever the container.

Two forms, each a text in UTF-8 whose SHA-256 is the fingerprint. Lines end in a line feed; JSON is written without
spaces, with non-ASCII characters as they are.

**Image files** (a zip, a folder):

    winnow data set 1: files
    ["test","seven","0001.png","<SHA-256 of the file's bytes>"]
    ["train","seven","0001.png","<SHA-256 of the file's bytes>"]
    …

One line an image: split, class, file name, content; sorted by the first three, by code points. What lies without
`train/` and `test/` above it is `train`, what lies in `val/` is `test`. The top folder that a zip may have, ignored
files, order, compression and time stamps do not enter: a zip and the folder that it was made of have one fingerprint.

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
from typing import Any, Literal

import numpy as np

from winnow.artifact.uploads.raw import RawImages

_TITLES = {"files": "winnow data set 1: files", "arrays": "winnow data set 1: arrays"}


class Fingerprint:
    """A fingerprint in the making: the lines after the first, added in the order above."""

    def __init__(self, form: Literal["files", "arrays"]) -> None:
        self._digest = hashlib.sha256(f"{_TITLES[form]}\n".encode())

    def add(self, *line: Any) -> None:
        """One line, as JSON."""
        self._digest.update(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def hexdigest(self) -> str:
        """The fingerprint of what was added, 64 hexadecimal digits."""
        return self._digest.hexdigest()


def of_arrays(classes: tuple[str, ...], raw: RawImages) -> str:
    """The fingerprint of arrays that are in memory."""
    fingerprint = Fingerprint("arrays")
    fingerprint.add(*classes)
    fingerprint.add("train", raw.x.shape, _sha256(raw.x), _sha256(raw.y.astype("<i8")))
    if raw.x_test is not None and raw.y_test is not None:
        fingerprint.add("test", raw.x_test.shape, _sha256(raw.x_test), _sha256(raw.y_test.astype("<i8")))
    return fingerprint.hexdigest()


def _sha256(array: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
