"""Processes that decode images ahead of who waits for them (`winnow.artifact.uploads.decoder`).

A process of its own each, as Pillow holds the interpreter for much of its work; started afresh, not forked, since torch
has threads; without torch, so that one is there in half a second and takes 50 MB.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from winnow.artifact.uploads.decoder import DECODED, DIGEST
from winnow.contract.problems import InvalidFile, Reason
from winnow.lottery.workspace import UnitFailed

PULSE = 0.1
"""Seconds between two looks at whether to go on waiting."""
PATIENCE = 600.0
"""Seconds after which a batch that does not come is given up."""

_PACKAGES = Path(__file__).parents[3]

Bytes = NDArray[np.uint8]


class Form(NamedTuple):
    """What images are wanted as: where their paths begin, channels, height and width."""

    folder: Path
    channels: int
    height: int
    width: int


class Coming:
    """A batch on its way: `pixels` uint8 N×C×H×W and `digests`, the SHA-256 of each file, hold once it was awaited."""

    def __init__(self, form: Form, paths: Sequence[str], processes: "Sequence[_Process]") -> None:
        self.pixels: Bytes = np.empty((len(paths), form.channels, form.height, form.width), dtype=np.uint8)
        self.digests: Bytes = np.empty((len(paths), DIGEST), dtype=np.uint8)
        self._first = next(iter(paths), "")  # of several processes one may have no image of a batch
        edges = [len(paths) * number // len(processes) for number in range(len(processes) + 1)]
        self._shares = [
            process.decode(form, paths[low:high], self.pixels[low:high], self.digests[low:high])
            for process, low, high in zip(processes, edges[:-1], edges[1:], strict=True)
            if low < high
        ]

    def awaited(self, beat: Callable[[], None]) -> None:
        """Wait for all of it; `beat` is called while it lasts. Raises InvalidFile for the first image that fails."""
        given_up = time.monotonic() + PATIENCE
        while wait(self._shares, PULSE).not_done:
            beat()
            if time.monotonic() > given_up:
                raise InvalidFile(
                    f"{self._first!r} and what is read with it did not come in {PATIENCE:.0f} s: see whether the disk "
                    "that the data set lies on can be read"
                )
        for share in self._shares:
            share.result()

    def forget(self) -> None:
        """What nobody has begun to decode is not decoded."""
        for share in self._shares:
            share.cancel()


class Decoders:
    """So many processes, started when images are wanted; they rest, which ends them, between units."""

    def __init__(self, count: int) -> None:
        self.beat: Callable[[], None] = lambda: None
        """Called while somebody waits; may raise Stop."""
        self.count = count
        self._processes: list[_Process] = []

    def ask(self, form: Form, paths: Sequence[str]) -> Coming:
        """Have these images decoded, each process a share of them."""
        while len(self._processes) < self.count:
            self._processes.append(_Process())
        return Coming(form, paths, self._processes)

    def rest(self) -> None:
        """End the processes. What was asked for does not come any more."""
        while self._processes:
            self._processes.pop().end()


class _Process:
    """One process, and the thread that feeds it and takes what it answers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "winnow.artifact.uploads.decoder"],
            cwd=_PACKAGES,  # where `-m` looks first: it must be this very release
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._thread = ThreadPoolExecutor(1)

    def decode(self, form: Form, paths: Sequence[str], pixels: Bytes, digests: Bytes) -> Future[None]:
        """Fill in pixels and digests, when its turn comes."""
        order = json.dumps([str(form.folder), *form[1:], paths]).encode() + b"\n"
        return self._thread.submit(self._decode, order, pixels, digests)

    def end(self) -> None:
        """Kill it, and wait until process and thread are gone."""
        self._process.kill()
        self._thread.shutdown(cancel_futures=True)
        with suppress(BrokenPipeError), self._process:  # which closes the pipes; an order may be stuck in one
            pass

    def _decode(self, order: bytes, pixels: Bytes, digests: Bytes) -> None:
        stdin, answers = cast(IO[bytes], self._process.stdin), cast(BufferedReader, self._process.stdout)
        with suppress(BrokenPipeError):  # that it is gone is seen where its answer should be
            stdin.write(order)
            stdin.flush()
        for image, digest in zip(pixels, digests, strict=True):
            if (said := answers.read(1)) != DECODED:
                raise InvalidFile(json.loads(answers.readline())) if said else self._gone()
            if answers.readinto(digest.data) + answers.readinto(image.data) < digest.nbytes + image.nbytes:
                raise self._gone()

    def _gone(self) -> UnitFailed:
        status = self._process.wait()
        reason = Reason.OUT_OF_MEMORY if status == -9 else Reason.BUG
        return UnitFailed(
            reason,
            f"A process that decodes images has ended with status {status}; -9 is a kill, most often for want of "
            "memory: use smaller batches, or a larger machine.",
        )
