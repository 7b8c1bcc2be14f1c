"""A file's name by content."""

import hashlib
from pathlib import Path

from winnow.contract.results import FileRef


def file_ref(path: Path) -> FileRef:
    """SHA-256 and size of a file, read in pieces."""
    with path.open("rb") as file:
        return FileRef(sha256=hashlib.file_digest(file, "sha256").hexdigest(), bytes=file.tell())
