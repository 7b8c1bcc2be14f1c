"""Official files from the internet: fetched with patience, kept whole or not at all."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import URLError

from winnow.artifact.atomic import write_atomically
from winnow.contract.problems import NotFound

_SECONDS_WITHOUT_AN_ANSWER = 20
_COPY_BYTES = 1024 * 1024


@contextmanager
def downloading(target: Path, wanted: str) -> Iterator[None]:
    """Around a download by torchvision, which checks official MD5s, of what is wanted at `target`.

    Raises NotFound; `wanted` says what to do then.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS_WITHOUT_AN_ANSWER)  # torchvision sets none and would wait for minutes
    try:
        yield
    except (RuntimeError, URLError, TimeoutError, ConnectionError, HTTPException) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise NotFound(f"{target} is not there, or not whole, and cannot be downloaded ({why}): {wanted}") from error
    finally:
        socket.setdefaulttimeout(before)


def keep(source: IO[bytes], target: Path, wanted: str) -> None:
    """A copy of a downloaded file, which appears under its name once it is whole. Raises NotFound where it may not."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, iter(partial(source.read, _COPY_BYTES), b""))
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise NotFound(
            f"{target} is not there, and a download cannot be kept ({error.strerror}): let Winnow's user write to its "
            f"folder, or {wanted}"
        ) from error
