"""An `.npz` of arrays: `x` uint8 N×H×W or N×H×W×C and `y` integers N; `x_test`, `y_test`, `classes` as well if wanted.

Nothing is ever unpickled. What a header claims is held against the bytes that are there before anything is made room
for, and looking through takes no more memory however large the arrays are. Without `classes`, a class is called by
its number in `y`.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from winnow.artifact.uploads import npy
from winnow.artifact.uploads.facts import MAX_CLASSES, UploadFacts, checked, unchanged
from winnow.artifact.uploads.fingerprint import Fingerprint, of_arrays
from winnow.artifact.uploads.npy import StoredArray
from winnow.artifact.uploads.raw import RawImages
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidFile

_NAMES = ("x", "y", "x_test", "y_test", "classes")
_SAVE = "np.savez_compressed(file, x=…, y=…)"

Labels = NDArray[np.int64]
"""The number in `y` of each class, ascending."""


class _Pair(NamedTuple):
    x: StoredArray
    y: StoredArray


def inspect_npz(path: Path) -> UploadFacts:
    """The facts of an `.npz`. Raises InvalidFile with a text that says what to do."""
    with npy.arrays(path) as stored:
        train, test = _pairs(stored)
        classes, labels = _classes(stored, train)
        fingerprint = Fingerprint("arrays")
        fingerprint.add(*classes)
        counts = _look_through(train, labels, "train", fingerprint)
        test_counts = _look_through(test, labels, "test", fingerprint) if test else None
        _, height, width, channels = _shape(train.x)
        return checked(
            UploadFacts(
                format="npz",
                fingerprint=fingerprint.hexdigest(),
                classes=classes,
                channels=channels,
                size=(height, width),
                counts=counts,
                test_counts=test_counts,
            )
        )


def read_npz(path: Path, facts: DatasetFacts) -> RawImages:
    """The images of an `.npz`. Raises Conflict where it is another one, InvalidFile where it is damaged."""
    with npy.arrays(path) as stored:
        train, test = _pairs(stored)
        _, labels = _classes(stored, train)
        raw = RawImages(*_read(train, labels), *(_read(test, labels) if test else (None, None)))
    unchanged(facts, of_arrays(facts.classes, raw))
    return raw


def _pairs(stored: dict[str, StoredArray]) -> tuple[_Pair, _Pair | None]:
    """The arrays to train on and to test on, their shapes and types checked."""
    if unknown := sorted(set(stored) - set(_NAMES)):
        raise InvalidFile(f"the npz file has an array {unknown[0]!r}: leave out all but {', '.join(_NAMES)}")
    if "x" not in stored or "y" not in stored:
        raise InvalidFile(f"the npz file has no array {'y' if 'x' in stored else 'x'!r}: save it with {_SAVE}")
    if ("x_test" in stored) != ("y_test" in stored):
        raise InvalidFile("the npz file has one of x_test and y_test: add the other, or leave both out")
    train = _pair(stored, "x", "y")
    if "x_test" not in stored:
        return train, None
    test = _pair(stored, "x_test", "y_test")
    if _shape(test.x)[1:] != _shape(train.x)[1:]:
        raise InvalidFile(f"x has shape {train.x.shape} and x_test {test.x.shape}: images must have one size")
    return train, test


def _pair(stored: dict[str, StoredArray], x_name: str, y_name: str) -> _Pair:
    x, y = stored[x_name], stored[y_name]
    if x.dtype != np.uint8 or len(x.shape) not in (3, 4) or 0 in x.shape or (x.shape[3:] or (1,))[0] not in (1, 3):
        raise InvalidFile(
            f"{x_name} is {x.dtype} of shape {x.shape}: make it uint8 images N×H×W, N×H×W×1 (grey) or N×H×W×3 (RGB)"
        )
    if y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
        raise InvalidFile(f"{y_name} is {y.dtype} of shape {y.shape}: make it {x.shape[0]} integers, a class an image")
    return _Pair(x, y)


def _shape(x: StoredArray) -> tuple[int, int, int, int]:
    count, height, width, channels = (*x.shape, 1)[:4]
    return count, height, width, channels


def _classes(stored: dict[str, StoredArray], train: _Pair) -> tuple[tuple[str, ...], Labels]:
    """The classes by name, and the number that each has in `y`."""
    if "classes" not in stored:
        labels = np.array([], dtype=np.int64)
        for chunk in train.y.chunks():
            labels = np.union1d(labels, chunk.astype(np.int64))
            if len(labels) > MAX_CLASSES:
                raise InvalidFile(f"y has more than {MAX_CLASSES:,} different values: it should hold a class an image")
        return tuple(map(str, labels.tolist())), labels
    names = stored["classes"]
    if names.dtype.kind != "U" or len(names.shape) != 1 or names.shape[0] > MAX_CLASSES:
        raise InvalidFile(f"classes is {names.dtype} of shape {names.shape}: make it a list of at most 10,000 names")
    classes = tuple(map(str, names.read().tolist()))
    if len(set(classes)) != len(classes) or not all(name and name.isprintable() for name in classes):
        raise InvalidFile("classes has a name twice, or one that cannot be printed: give each class a name of its own")
    return classes, np.arange(len(classes))


def _look_through(pair: _Pair, labels: Labels, split: str, fingerprint: Fingerprint) -> tuple[int, ...]:
    """How many images each class has; the split's line is added to the fingerprint."""
    pixels, indices = hashlib.sha256(), hashlib.sha256()
    for x in pair.x.chunks():
        pixels.update(x.data)
    counts = np.zeros(len(labels), dtype=np.int64)
    for y in pair.y.chunks():
        index = _index(y, labels)
        indices.update(index.astype("<i8").data)
        counts += np.bincount(index, minlength=len(labels))
    fingerprint.add(split, _shape(pair.x), pixels.hexdigest(), indices.hexdigest())
    return tuple(counts.tolist())


def _index(y: NDArray[np.integer], labels: Labels) -> NDArray[np.int64]:
    """Class indices of what `y` holds."""
    index = np.searchsorted(labels, y).clip(max=len(labels) - 1)
    if (wrong := labels[index] != y).any():
        raise InvalidFile(
            f"{y[wrong][0]} stands for no class: y goes by the place in `classes`, from 0, and y_test has no class "
            "that y has not"
        )
    return index


def _read(pair: _Pair, labels: Labels) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return pair.x.read().reshape(_shape(pair.x)), _index(pair.y.read(), labels)
