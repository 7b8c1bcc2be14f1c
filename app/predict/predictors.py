"""Loaded models: the last few that were asked, from a bounded folder of fetched ones."""

import os
import threading
from collections import OrderedDict
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
        # One lock for all: loading takes milliseconds, and two must not fetch one model at once.
        self._lock = threading.Lock()

    def get(self, sha256: str) -> "Predictor":
        """The model, loaded. Raises Unavailable, InvalidFile."""
        with self._lock:
            if sha256 not in self._loaded:
                self._loaded[sha256] = self._load(sha256)
            self._loaded.move_to_end(sha256)
            while len(self._loaded) > 1 and sum(size for _, size in self._loaded.values()) > LOADED_BYTES:
                self._loaded.popitem(last=False)
            return self._loaded[sha256][0]

    def _load(self, sha256: str) -> "tuple[Predictor, int]":
        from winnow.runtime.predictor import Predictor  # noqa: PLC0415 - as above

        path = self._folder / f"{sha256}.onnx"
        if path.exists():
            os.utime(path)  # asked last, thrown out last
        else:
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
        files = sorted(((path.stat(), path) for path in self._folder.iterdir()), key=lambda file: file[0].st_mtime)
        surplus = sum(stat.st_size for stat, _ in files) - CACHED_BYTES
        for stat, path in files:
            if surplus <= 0 or path == newest:
                break
            path.unlink(missing_ok=True)
            surplus -= stat.st_size
