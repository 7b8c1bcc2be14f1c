"""Which image belongs to which class and split, from the paths alone.

`CLASS/image.png`, or `train/CLASS/image.png` and `test/CLASS/image.png`; one folder around all of it may be there.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from winnow.contract.problems import InvalidFile

SplitName = Literal["train", "test"]
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
IGNORED = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
"""What file managers leave behind, besides files that begin with a dot."""

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
        if not path.lower().endswith(SUFFIXES):
            raise InvalidFile(f"{path!r} is no image: leave out what is not PNG, JPEG or WebP")
        if not path.isprintable():
            raise InvalidFile(f"{path!r} has characters in its name that nobody can read: rename it")
    below = _without_top([tuple(path.split("/")) for path in paths])
    for parts in below:
        if len(parts) != len(below[0]):
            raise InvalidFile(f"{'/'.join(parts)!r} and {'/'.join(below[0])!r} lie at different depths: {_WANTED}")
    return [_place(parts) for parts in below]


def _without_top(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The paths below the one folder around all of them, if there is one."""
    tops = {parts[0] for parts in paths}
    deep = all(len(parts) > 2 for parts in paths)
    if len(tops) == 1 and deep and (tops != {"train"} or any(len(parts) > 3 for parts in paths)):
        return [parts[1:] for parts in paths]
    return paths


def _place(parts: tuple[str, ...]) -> Place:
    match parts:
        case (label, name):
            return Place("train", label, name)
        case ("train" | "test" as split, label, name):
            return Place(split, label, name)
    raise InvalidFile(f"{'/'.join(parts)!r} is not where an image should be: {_WANTED}")
