"""Data sets that lie under WINNOW_DATA_DIR: looked through once, and again only where a file has changed."""

import hashlib
import os
import threading
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from app.datasets.inspection import inspected
from winnow.artifact.uploads import folders_of_images, is_folder
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidFile, NotYet

PATIENCE_SECONDS = 20.0
"""How long a request waits for a folder: less than clients wait for an answer."""


class Folders:
    """The folders of one data directory, and what was found in them."""

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir
        self._found: dict[str, tuple[bytes, DatasetFacts]] = {}
        self._looks: dict[str, Future[DatasetFacts]] = {}
        self._lock = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """The folders that hold images, whether or not they were looked through."""
        return () if self._data_dir is None else folders_of_images(self._data_dir)

    def known(self, name: str) -> DatasetFacts | None:
        """What was found in a folder when somebody last asked for it, None where nobody has; nothing is looked at."""
        found = self._found.get(name)
        return None if found is None else found[1]

    def has(self, name: str) -> bool:
        """Whether a job that names it means a folder, where nothing else has the name."""
        return self._data_dir is not None and is_folder(self._data_dir, name)

    def facts(self, name: str) -> DatasetFacts | None:
        """What is known of a folder, None where there is none.

        Raises InvalidFile for content that cannot be used, and NotYet where looking takes long: it goes on meanwhile.
        """
        if self._data_dir is None or not self.has(name):
            return None
        try:
            return self._look_at(self._data_dir / name).result(PATIENCE_SECONDS)
        except TimeoutError as error:
            raise NotYet(
                f"Every file of {name!r} is being read, as it is new here or has changed. Ask again in a minute."
            ) from error

    def _look_at(self, folder: Path) -> Future[DatasetFacts]:
        """A look at it that is on its way: two who ask at once must not both read all of it."""
        with self._lock:
            look = self._looks.get(folder.name)
            if look is None:
                look = self._looks[folder.name] = Future()
                # A daemon: the service's end waits for none of them.
                threading.Thread(target=self._look, args=(folder, look), daemon=True).start()
        return look

    def _look(self, folder: Path, look: Future[DatasetFacts]) -> None:
        try:
            signature, known = _signature(folder), self._found.get(folder.name)
            if known is None or known[0] != signature:
                known = self._found[folder.name] = signature, inspected("folder", folder).facts(folder.name)
            answer = partial(look.set_result, known[1])
        except Exception as error:  # for those who wait to raise
            answer = partial(look.set_exception, error)
        with self._lock:
            del self._looks[folder.name]
        answer()


def _signature(folder: Path) -> bytes:
    """A digest of name, size and time of change of every file: as long as it is the same, nobody looks again.

    Raises InvalidFile for a link that leads nowhere.
    """
    walk = os.walk(folder, followlinks=True)
    digest = hashlib.sha256()
    paths = sorted(f"{parent}/{name}" for parent, _, names in walk for name in names)
    try:
        for path in paths:
            stat = os.stat(path)  # noqa: PTH116 - a million of them
            digest.update(f"{path}\0{stat.st_size} {stat.st_mtime_ns}\0".encode(errors="surrogateescape"))
    except OSError as error:
        raise InvalidFile(f"{error.filename} cannot be read ({error.strerror}): let Winnow's user read it") from error
    return digest.digest()
