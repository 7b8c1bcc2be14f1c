"""Data sets that users bring: checked while they come in, read when they are trained on. No torch."""

from pathlib import Path

from winnow.artifact.uploads.facts import UploadFacts, unchanged
from winnow.artifact.uploads.fingerprint import of_arrays
from winnow.artifact.uploads.folder import (
    folder_of,
    folders_of_images,
    inspect_folder,
    is_folder,
    list_folder,
    read_folder,
)
from winnow.artifact.uploads.image_files import Beat, nothing
from winnow.artifact.uploads.npz import inspect_npz, read_npz
from winnow.artifact.uploads.raw import RawImages
from winnow.artifact.uploads.zips import inspect_zip, read_zip
from winnow.contract.datasets import DatasetFacts

__all__ = [
    "RawImages",
    "UploadFacts",
    "folder_of",
    "folders_of_images",
    "inspect_folder",
    "inspect_npz",
    "inspect_zip",
    "is_folder",
    "list_folder",
    "of_arrays",
    "read_folder",
    "read_upload",
    "unchanged",
]


def read_upload(path: Path, facts: DatasetFacts, beat: Beat = nothing) -> RawImages:
    """The images of an uploaded zip or npz file.

    Raises Conflict where it is not the file that the facts describe, InvalidFile where it is damaged.
    """
    return read_zip(path, facts, beat) if facts.format == "zip" else read_npz(path, facts)
