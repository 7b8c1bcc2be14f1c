"""A zip file of images, one folder a class."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from winnow.artifact.uploads import archive
from winnow.artifact.uploads.facts import UploadFacts
from winnow.artifact.uploads.image_files import Beat, Read, Size, inspect_files, nothing, read_files
from winnow.artifact.uploads.raw import RawImages
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidFile

MAX_IMAGE_BYTES = 32 * 2**20
"""One image file, unpacked: it is held in memory."""


def inspect_zip(path: Path, size: Size | None = None) -> UploadFacts:
    """The facts of a zip file: every entry is unpacked once, in memory, and every image's header read.

    Raises InvalidFile with a text that says what to do.
    """
    with archive.opened(path) as (file, entries):
        return inspect_files("zip", _paths(entries), _reader(file), size)


def read_zip(path: Path, facts: DatasetFacts, beat: Beat = nothing) -> RawImages:
    """The decoded images of a zip file. Raises Conflict where it is another one, InvalidFile where it is damaged."""
    with archive.opened(path) as (file, entries):
        return read_files(_paths(entries), _reader(file), facts, beat)


def _paths(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    return [entry.filename for entry in entries]


def _reader(file: zipfile.ZipFile) -> Read:
    def read(path: str) -> bytes:
        entry = file.getinfo(path)
        if entry.file_size > MAX_IMAGE_BYTES:
            raise InvalidFile(f"{path!r} has {entry.file_size:,} bytes: send images of up to 32 MiB")
        # Not `ZipFile.read`: it unpacks all that is there before it looks at the size that was promised.
        return b"".join(archive.chunks(file, entry))

    return read
