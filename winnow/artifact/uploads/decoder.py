"""A process that decodes images for another one; it never loads torch.

    python -m winnow.artifact.uploads.decoder

A line of JSON on standard input names some images: `[FOLDER, CHANNELS, HEIGHT, WIDTH, [PATH, …]]`. Each is answered
with a byte 1, the SHA-256 of the file and its pixels, uint8 C×H×W; the first that cannot be had with a byte 0 and what
is wrong with it, a line of JSON, and those behind it not at all. The process ends when its standard input ends, when
nobody takes its answers, and, on Linux, with the thread that started it, even if a file system keeps it waiting: so,
whatever has ended the one that it works for.
"""

import ctypes
import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import IO

import numpy as np

from winnow.artifact.images import decode_as
from winnow.artifact.uploads.folder import file_bytes
from winnow.contract.problems import InvalidFile
from winnow.parent import end_with_parent

DIGEST = 32
"""Bytes of a SHA-256."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 2**25
"""Bytes of freed memory that glibc keeps for the next image, and the largest piece that it does so with."""
DECODED, REFUSED = b"\x01", b"\x00"


def main(orders: IO[bytes], answers: IO[bytes]) -> None:
    """Answer each line."""
    for line in orders:
        folder, channels, height, width, paths = json.loads(line)
        try:
            for path in paths:
                _answer(answers, Path(folder), path, channels, (height, width))
        except InvalidFile as error:
            answers.write(REFUSED + json.dumps(error.detail).encode() + b"\n")
        answers.flush()


def _answer(answers: IO[bytes], folder: Path, path: str, channels: int, size: tuple[int, int]) -> None:
    data = file_bytes(folder / path)
    pixels = np.ascontiguousarray(np.moveaxis(decode_as(data, channels, size, repr(path)), -1, 0))
    answers.write(DECODED + hashlib.sha256(data).digest())
    answers.write(pixels.data)


def _keep_memory(libc: ctypes.CDLL) -> None:
    """Of an image, for the next.

    Given back to the system each time, as large pieces are, it cost 5.6 ms of the processor for a JPEG of 500×375
    pixels to 224×224, kept 3.8.
    """
    if hasattr(libc, "mallopt"):  # glibc's
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; whoever started it ends it
    end_with_parent()
    if sys.platform == "linux":
        _keep_memory(ctypes.CDLL(None))
    try:
        main(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        os._exit(0)  # nobody reads: what is still buffered cannot be written, and must not be tried at exit
