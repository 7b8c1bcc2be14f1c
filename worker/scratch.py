"""Scratch space: a folder for each attempt, and the files that the next ones will likely read."""

import errno
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from winnow.storage import Objects


@dataclass(frozen=True)
class Desk:
    """The folders of one attempt."""

    inputs: Path
    outputs: Path
    checkpoints: Path


class Scratch:
    """A worker's own folder. Files are links into a cache by content, shared by its slots, bounded in size."""

    def __init__(self, root: Path, objects: Objects, cache_bytes: int) -> None:
        shutil.rmtree(root, ignore_errors=True)  # a predecessor's
        self._cache = root / "cache"
        self._cache.mkdir(parents=True)
        self._root = root
        self._objects = objects
        self._most = cache_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """Empty folders, gone at the end."""
        root = Path(tempfile.mkdtemp(dir=self._root, prefix="attempt-"))
        desk = Desk(root / "inputs", root / "outputs", root / "checkpoints")
        try:
            for folder in (desk.inputs, desk.outputs, desk.checkpoints):
                folder.mkdir()
            yield desk
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def fetch(self, sha256: str, to: Path) -> None:
        """The object as a file: from the cache, else from the store. Raises as `Objects.fetch` does."""
        with self._lock:
            if sha256 in self._sizes:
                os.link(self._cache / sha256, to)
                self._sizes.move_to_end(sha256)
                return
        self._objects.fetch(sha256, to)
        self.keep(sha256, to)

    def keep(self, sha256: str, path: Path) -> None:
        """Keep a file under its name by content; the least recently used go, never the newest."""
        with self._lock:
            if sha256 in self._sizes:
                return
            os.link(path, self._cache / sha256)
            self._sizes[sha256] = path.stat().st_size
            while sum(self._sizes.values()) > self._most and len(self._sizes) > 1:
                old, _ = self._sizes.popitem(last=False)
                (self._cache / old).unlink()


def is_full(error: OSError) -> bool:
    """Whether the disk is what is wrong."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
