"""A folder of images: WINNOW_DATA_DIR/NAME/{train,test}/CLASS/image.png, or NAME/CLASS/image.png."""

import os
from pathlib import Path
from typing import NoReturn

from winnow.artifact.uploads.facts import UploadFacts
from winnow.artifact.uploads.image_files import Beat, Listing, Size, inspect_files, listed, nothing, read_files
from winnow.artifact.uploads.raw import RawImages
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidFile, NotFound


def folder_of(data_dir: Path, name: str) -> Path:
    """Where the data directory keeps a data set called `name`.

    Raises NotFound where it has none, and for a name that would lead out of it.
    """
    folder = data_dir / name
    if not name or name.startswith(".") or Path(name).name != name or not folder.is_dir():
        raise NotFound(
            f"there is no data set {name!r}: use a built-in one, upload one, or lay its images out as "
            "WINNOW_DATA_DIR/NAME/CLASS/image.png, or under train/ and test/ in NAME"
        )
    return folder


def inspect_folder(folder: Path, size: Size | None = None) -> UploadFacts:
    """The facts of a folder: every file is read once, and every image's header.

    Raises InvalidFile with a text that says what to do.
    """
    return inspect_files("folder", _paths(folder), lambda path: file_bytes(folder / path), size)


def read_folder(folder: Path, facts: DatasetFacts, beat: Beat = nothing) -> RawImages:
    """The decoded images of a folder. Raises Conflict where it has changed, InvalidFile where an image is damaged."""
    return read_files(_paths(folder), lambda path: file_bytes(folder / path), facts, beat)


def list_folder(folder: Path) -> Listing:
    """The images of a folder by their names alone: nothing is opened. Raises InvalidFile for another layout."""
    return listed(_paths(folder))


def _paths(folder: Path) -> list[str]:
    """The files below a folder, by their paths in it, with forward slashes. Links are followed."""
    return [
        Path(parent, name).relative_to(folder).as_posix()
        for parent, _, names in os.walk(folder, onerror=_refuse, followlinks=True)
        for name in names
    ]


def file_bytes(path: Path) -> bytes:
    """All of a file. Raises InvalidFile, naming it, where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    raise InvalidFile(f"{error.filename} cannot be read ({error.strerror}): let Winnow's user read it") from error
