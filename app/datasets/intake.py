"""Uploads on their way in: to a file in the home folder, counted and hashed, never whole in memory."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from app.bodies import limited
from winnow.contract.problems import Unavailable

WRITE_BYTES = 1024 * 1024
"""Collected before a thread is asked to write: a body comes in pieces of 64 KiB."""


@dataclass(frozen=True)
class Received:
    """A whole body in a file that lives as long as its request."""

    path: Path
    sha256: str
    bytes: int


@asynccontextmanager
async def received(request: Request, folder: Path, most: int) -> AsyncIterator[Received]:
    """The body as a file; see `kept`. Raises TooLarge and ClientDisconnect, too."""
    async with kept(limited(request, most), folder) as file:
        yield file


@asynccontextmanager
async def kept(chunks: AsyncIterator[bytes], folder: Path) -> AsyncIterator[Received]:
    """What comes in as a file, removed at the end whatever happens; a client that breaks off leaves nothing behind.

    Raises Unavailable where it cannot be written.
    """
    descriptor, path = _locked(folder)
    with os.fdopen(descriptor, "wb"):
        try:
            sink = _Sink(descriptor)
            async for chunk in chunks:
                await sink.take(chunk)
            await sink.flush()
            yield Received(path, sink.digest.hexdigest(), sink.count)
        finally:
            path.unlink()


def remove_orphans(folder: Path) -> None:
    """Make the folder, and remove what a process that was killed has left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        # Another process on the same home folder may be receiving it, or just have removed it.
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _locked(folder: Path) -> tuple[int, Path]:
    """A new file, open and locked: what `remove_orphans` finds unlocked belongs to nobody."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # another process, starting, found it before it was locked


class _Sink:
    """Writes in threads, so that a slow disk does not hold up everybody else."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting = bytearray()
        self.digest = hashlib.sha256()
        self.count = 0

    async def take(self, chunk: bytes) -> None:
        self._waiting += chunk
        if len(self._waiting) >= WRITE_BYTES:
            await self.flush()

    async def flush(self) -> None:
        data, self._waiting = self._waiting, bytearray()
        await run_in_threadpool(self._write, data)

    def _write(self, data: bytearray) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise Unavailable(f"The upload cannot be written: {error}") from error
        self.digest.update(data)
        self.count += len(data)
