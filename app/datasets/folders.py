"""Data sets that lie under WINNOW_DATA_DIR: looked through once, and again only where a file has changed."""

import re
import threading
from pathlib import Path

from app.datasets.inspection import inspected
from winnow.contract.datasets import DatasetFacts

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A name that is one part of a path, whatever the system."""

Signature = tuple[tuple[str, int, int], ...]


class Folders:
    """The folders of one data directory, and what was found in them."""

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir
        self._found: dict[str, tuple[Signature, DatasetFacts]] = {}
        # Looking through a folder reads all of it: two who ask at once must not both do it.
        self._looking = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """The folders that are laid out as data sets."""
        if self._data_dir is None or not self._data_dir.is_dir():
            return ()
        return tuple(sorted(path.name for path in self._data_dir.iterdir() if self._is_dataset(path.name)))

    def facts(self, name: str) -> DatasetFacts | None:
        """What is known of a folder, None where there is none. Raises InvalidFile for content that cannot be used."""
        if self._data_dir is None or not self._is_dataset(name):
            return None
        folder = self._data_dir / name
        with self._looking:
            signature = _signature(folder)
            known = self._found.get(name)
            if known is None or known[0] != signature:
                known = signature, inspected("folder", folder).facts(name)
                self._found[name] = known
        return known[1]

    def _is_dataset(self, name: str) -> bool:
        sound = NAME.fullmatch(name) is not None
        return sound and self._data_dir is not None and (self._data_dir / name / "train").is_dir()


def _signature(folder: Path) -> Signature:
    """Name, size and time of change of every file: what makes looking again unnecessary when it is the same."""
    files = ((path, path.stat()) for path in sorted(folder.rglob("*")))
    return tuple((str(path.relative_to(folder)), stat.st_size, stat.st_mtime_ns) for path, stat in files)
