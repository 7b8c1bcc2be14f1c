"""Data sets of image files, in a zip or in a folder: looked through by their headers, later decoded.

Both take the paths of the files and a function that reads one of them. One file is in memory at a time, and they are
gone through in the order of the fingerprint, so that it is at hand at the end.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from winnow.artifact.images import ImageHeader, decode_as, inspect_image
from winnow.artifact.uploads.facts import UploadFacts, checked, unchanged
from winnow.artifact.uploads.fingerprint import Fingerprint
from winnow.artifact.uploads.layout import Place, ignored, places
from winnow.artifact.uploads.raw import RawImages
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidFile

Size = tuple[int, int]
"""Height and width in pixels."""
Read = Callable[[str], bytes]
Beat = Callable[[], None]
BEAT_IMAGES = 100
"""After so many decoded images somebody is told that it goes on: a third of a second, for photographs."""


class ImageFile(NamedTuple):
    """Where an image belongs, and its path."""

    place: Place
    path: str


class Listing(NamedTuple):
    """Image files in the order of the fingerprint, each one's class index, and how many, the first, are a test set."""

    files: list[ImageFile]
    labels: NDArray[np.int64]
    tested: int


def nothing() -> None:
    """For those whom nobody waits for."""


def inspect_files(kind: Literal["zip", "folder"], paths: Iterable[str], read: Read, size: Size | None) -> UploadFacts:
    """The facts of a data set of image files; where sizes are mixed, `size` says what to resize them to.

    Of a folder each job says that: its size is then the first image's.
    """
    files = _in_order(paths)
    classes = _classes(files)
    headers, fingerprint = _Headers(), Fingerprint("files")
    for place, path in files:
        data = read(path)
        headers.add(path, inspect_image(data, repr(path)))
        fingerprint.add(*place, hashlib.sha256(data).hexdigest())
    counts = Counter((place.split, place.label) for place, _ in files)
    tested = any(split == "test" for split, _ in counts)
    return checked(
        UploadFacts(
            format=kind,
            fingerprint=fingerprint.hexdigest(),
            classes=classes,
            channels=headers.channels,
            size=size or (headers.first_size() if kind == "folder" else headers.one_size()),
            sizes_differ=(size is None and headers.sizes_differ) or None,
            counts=tuple(counts["train", label] for label in classes),
            test_counts=tuple(counts["test", label] for label in classes) if tested else None,
        )
    )


def read_files(paths: Iterable[str], read: Read, facts: DatasetFacts, beat: Beat = nothing) -> RawImages:
    """The decoded images of files whose facts are known; `beat` is called now and then while it lasts.

    Raises Conflict where they are no longer what the facts say, InvalidFile where one cannot be decoded.
    """
    files, y, tested = listed(paths)
    x = np.empty((len(files), *facts.size, facts.channels), dtype=np.uint8)
    fingerprint = Fingerprint("files")
    for row, (place, path) in enumerate(files):
        if row % BEAT_IMAGES == 0:
            beat()
        data = read(path)
        fingerprint.add(*place, hashlib.sha256(data).hexdigest())
        x[row] = decode_as(data, facts.channels, facts.size, repr(path))
    unchanged(facts, fingerprint.hexdigest())
    if not tested:
        return RawImages(x, y)
    return RawImages(x[tested:], y[tested:], x[:tested], y[:tested])  # "test" sorts before "train"


def listed(paths: Iterable[str]) -> Listing:
    """What the paths alone tell. Raises InvalidFile where they are laid out otherwise."""
    files = _in_order(paths)
    index_of = {label: index for index, label in enumerate(_classes(files))}
    labels = np.array([index_of[place.label] for place, _ in files], dtype=np.int64)
    return Listing(files, labels, sum(place.split == "test" for place, _ in files))


class _Headers:
    """What the headers seen so far agree on."""

    def __init__(self) -> None:
        self.channels = 1
        self._sizes: dict[Size, str] = {}

    def add(self, path: str, header: ImageHeader) -> None:
        if not header.grey:
            self.channels = 3
        if len(self._sizes) < 2:
            self._sizes.setdefault(header.size, path)

    @property
    def sizes_differ(self) -> bool:
        """Whether there are several."""
        return len(self._sizes) > 1

    def first_size(self) -> Size:
        """The size of the first image."""
        return next(iter(self._sizes))

    def one_size(self) -> Size:
        """The size that all have. Raises InvalidFile, with two examples, where they differ."""
        (size, path), *others = self._sizes.items()
        for other, other_path in others:
            raise InvalidFile(
                f"the images differ in size ({path!r} has {_text(size)}, {other_path!r} has {_text(other)}): "
                "say what to resize all of them to, as in size=32x32 (height and width), or resize them yourself"
            )
        return size


def _text(size: Size) -> str:
    return f"{size[0]}×{size[1]}"


def _in_order(paths: Iterable[str]) -> list[ImageFile]:
    """The files in the order of the fingerprint, those to ignore left out."""
    kept = [path for path in paths if not ignored(path)]
    return sorted(map(ImageFile, places(kept), kept))


def _classes(files: Sequence[ImageFile]) -> tuple[str, ...]:
    """The classes to train on, sorted by name. Raises InvalidFile where the test set has others."""
    trained = {place.label for place, _ in files if place.split == "train"}
    for place, _ in files:
        if place.label not in trained:
            raise InvalidFile(
                f"class {place.label!r} has images in test/ (or val/), none in train/: add some there, or leave it out"
            )
    return tuple(sorted(trained))
