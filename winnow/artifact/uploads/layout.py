"""Which image belongs to which class and split, from the paths alone.

`CLASS/image.png`, or `train/CLASS/image.png` and `test/CLASS/image.png`; one folder around all of it may be there.
`val/` is another name of `test/`, ImageNet's: the official validation images are what is reported once.
"""

import sys
from collections.abc import Sequence
from typing import Literal, NamedTuple

from winnow.contract.problems import InvalidFile

SplitName = Literal["train", "test"]
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff")
IGNORED = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
"""What file managers leave behind, besides files that begin with a dot."""

_SPLITS: dict[str, SplitName] = {"train": "train", "test": "test", "val": "test"}
_WANTED = "lay them out as CLASS/image.png, or as train/CLASS/image.png and test/CLASS/image.png"


class Place(NamedTuple):
    """Where an image belongs; places sort as the fingerprint does."""

    split: SplitName
    label: str
    name: str


def ignored(path: str) -> bool:
    """Whether a path is none of the data: hidden, or left behind by a file manager."""
    return any(part.startswith(".") or part in IGNORED for part in path.split("/"))


def places(paths: Sequence[str]) -> list[Place]:
    """The place of each path, in order. Paths have forward slashes, are relative and not ignored.

    Raises InvalidFile where there is no image, something else, or another layout.
    """
    if not paths:
        raise InvalidFile(f"there are no images in it: {_WANTED}")
    for path in paths:
        _check(path)
        if path.count("/") != paths[0].count("/"):
            raise InvalidFile(f"{path!r} and {paths[0]!r} lie at different depths: {_WANTED}")
    top = _top(paths)
    inside = [path.removeprefix(top) for path in paths]
    if {"test", "val"} <= {path.partition("/")[0] for path in inside if path.count("/") > 1}:
        raise InvalidFile("there are test/ and val/, and either would be the test images: leave one of them out")
    return [_place(path) for path in inside]


def _check(path: str) -> None:
    if not path.lower().endswith(SUFFIXES):
        raise InvalidFile(f"{path!r} is no image: leave out what does not end in {', '.join(SUFFIXES)}")
    if not path.isprintable():
        raise InvalidFile(f"{path!r} has characters in its name that nobody can read: rename it")


def _top(paths: Sequence[str]) -> str:
    """The one folder around all of it, with its slash, or nothing."""
    depth = paths[0].count("/")
    tops = {path.partition("/")[0] for path in paths}
    around = len(tops) == 1 and (depth > 2 or (depth == 2 and tops not in ({"train"}, {"test"})))
    return f"{tops.pop()}/" if around else ""


def _place(path: str) -> Place:
    match path.split("/"):
        case label, name:
            return Place("train", sys.intern(label), name)
        case split, label, name if split in _SPLITS:
            return Place(_SPLITS[split], sys.intern(label), name)
    raise InvalidFile(f"{path!r} is not where an image should be: {_WANTED}")
