"""Loaded models: the last few that were asked, from a bounded folder of fetched ones."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from winnow.contract.problems import InvalidFile, NotFound, Unavailable
from winnow.storage.objects import Objects

if TYPE_CHECKING:  # it imports onnxruntime, which nobody needs before the first prediction
    from winnow.runtime.predictor import Predictor

LOADED_BYTES = 16 * 1024**2
"""Models in memory, by the size of their files; loaded, a `conv6` of 9 MB takes 14."""
CACHED_BYTES = 2 * 1024**3
"""Fetched models on disk."""


class Predictors:
    """Predictors by the SHA-256 of their `model.onnx`. Safe to use from several threads."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects = objects
        self._folder = folder
        self._loaded: OrderedDict[str, tuple[Predictor, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(256)]

    def get(self, sha256: str) -> "Predictor":
        """The model, loaded. Raises Unavailable, InvalidFile."""
        # Two must not fetch one model at once; who asks another one does not wait for it.
        with self._turns[int(sha256[:2], 16)]:
            if (loaded := self._asked(sha256)) is None:
                loaded = self._load(sha256)
                self._keep(sha256, loaded)
            return loaded[0]

    def _asked(self, sha256: str) -> "tuple[Predictor, int] | None":
        with self._lock:
            if sha256 in self._loaded:
                self._loaded.move_to_end(sha256)
            return self._loaded.get(sha256)

    def _keep(self, sha256: str, loaded: "tuple[Predictor, int]") -> None:
        with self._lock:
            self._loaded[sha256] = loaded
            while len(self._loaded) > 1 and sum(size for _, size in self._loaded.values()) > LOADED_BYTES:
                self._loaded.popitem(last=False)

    def _load(self, sha256: str) -> "tuple[Predictor, int]":
        from winnow.runtime.predictor import Predictor  # noqa: PLC0415 - as above

        path = self._folder / f"{sha256}.onnx"
        if path.exists():
            with suppress(InvalidFile, FileNotFoundError):  # torn by a machine that lost power: fetched anew
                os.utime(path)  # asked last, thrown out last
                return Predictor(path), path.stat().st_size
        self._folder.mkdir(parents=True, exist_ok=True)
        self._fetch(sha256, path)
        self._make_room(path)
        return Predictor(path), path.stat().st_size

    def _fetch(self, sha256: str, path: Path) -> None:
        try:
            self._objects.fetch(sha256, path)
        except (InvalidFile, NotFound) as error:
            raise Unavailable(f"A stored model is gone or damaged: {error.detail}") from error

    def _make_room(self, newest: Path) -> None:
        files = sorted(_there(self._folder), key=lambda file: file[0].st_mtime)
        surplus = sum(stat.st_size for stat, _ in files) - CACHED_BYTES
        for stat, path in files:
            if surplus <= 0 or path == newest:
                break
            path.unlink(missing_ok=True)
            surplus -= stat.st_size


def _there(folder: Path) -> Iterator[tuple[os.stat_result, Path]]:
    """The files of a folder in which others fetch too: one may have been renamed or thrown out meanwhile."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            yield path.stat(), path
