"""Uploads on their way in: to a file in the home folder, counted and hashed, never whole in memory."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    descriptor, name = tempfile.mkstemp(dir=folder)
    path = Path(name)
    with os.fdopen(descriptor, "wb") as file:
        # Held as long as the request lives: what `remove_orphans` finds unlocked belongs to nobody.
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            sink = _Sink(file.fileno())
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
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # another process on the same home folder is receiving it
            path.unlink(missing_ok=True)


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
