"""A folder of images: WINNOW_DATA_DIR/NAME/{train,test or val}/CLASS/image.png, or NAME/CLASS/image.png."""

import os
import re
from pathlib import Path
from typing import NoReturn

from winnow.artifact.uploads.facts import UploadFacts
from winnow.artifact.uploads.image_files import Beat, Listing, Size, inspect_files, listed, nothing, read_files
from winnow.artifact.uploads.layout import SUFFIXES, ignored
from winnow.artifact.uploads.raw import RawImages
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import DatasetFacts
from winnow.contract.hints import no_dataset
from winnow.contract.names import NAME
from winnow.contract.problems import InvalidFile, NotFound


def folder_of(data_dir: Path, name: str) -> Path:
    """Where the data directory keeps a data set called `name`, for the service as for `winnow run`.

    Raises NotFound where it has none, and for a name that would lead out of it.
    """
    if not is_folder(data_dir, name):
        raise NotFound(
            f"{no_dataset(name, {*DATASETS, *folders_of_images(data_dir)})} Lay the images of yours out as "
            "WINNOW_DATA_DIR/NAME/CLASS/image.png, or under train/ and test/ in NAME, a name of letters, digits, dots, "
            "dashes and underscores, or upload it."
        )
    return data_dir / name


def is_folder(data_dir: Path, name: str) -> bool:
    """Whether jobs that name it mean a folder of the data directory; what is in it is not looked at."""
    return re.fullmatch(NAME, name) is not None and (data_dir / name).is_dir()


def folders_of_images(data_dir: Path) -> tuple[str, ...]:
    """Names of the folders that hold images, not the official files of a built-in data set; no image is opened."""
    if not os.access(data_dir, os.R_OK | os.X_OK):  # it is not there, or nobody may list it
        return ()
    names = (path.name for path in data_dir.iterdir() if is_folder(data_dir, path.name))
    return tuple(sorted(name for name in names if _holds_images(data_dir / name)))


def _holds_images(folder: Path) -> bool:
    """Whether there are images among the files of the first folder below this one that has any."""
    for parent, below, names in os.walk(folder, followlinks=True):
        below[:] = (name for name in below if not ignored(name))
        files = [name for name in names if not ignored(name)]
        if files and parent != str(folder):
            return any(name.lower().endswith(SUFFIXES) for name in files)
    return False


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
