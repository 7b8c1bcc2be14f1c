"""A file from the service, checked and taken up where it broke off."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx

from winnow.client.connection import Connection
from winnow.client.errors import Damaged, Unreachable
from winnow.contract.resources import ModelFile

TRIES = 5
Report = Callable[[int, int], None]


def download(connection: Connection, path: str, file: ModelFile, folder: Path, report: Report | None = None) -> Path:
    """Fetch `path` to `folder/file.name`, verified by SHA-256; what an earlier try left is continued by Range.

    `report(done, of)` is told the bytes. Raises Unreachable when the connection breaks five times in a row without a
    byte, Refused when the service says no, Damaged when the bytes are not those that were promised.
    """
    target = folder / file.name
    if target.is_file() and target.stat().st_size == file.bytes and _sha256(target) == file.sha256:
        return target
    part = folder / f".{file.name}.{file.sha256[:12]}.part"
    left = TRIES
    while (have := _size(part)) < file.bytes or not part.exists():
        try:
            _continue(connection, path, file, part, report or _silently)
        except httpx.TransportError as broken:
            left = TRIES if _size(part) > have else left - 1
            if left == 0 or isinstance(broken, httpx.ConnectError):
                raise Unreachable(connection.url, broken) from broken
        else:
            break
    if _sha256(part) != file.sha256:
        part.unlink()
        raise Damaged(f"{file.name} did not arrive as {file.sha256}, the SHA-256 that was promised: try again")
    return part.replace(target)


def _continue(connection: Connection, path: str, file: ModelFile, part: Path, report: Report) -> None:
    have = _size(part)
    # Uncompressed: a range counts the bytes on the wire, and the checksum is of what the file holds.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": f'"{file.sha256}"'}
    with connection.stream(path, headers) as response:
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        done = have if resumed else 0
        with part.open("ab" if resumed else "wb") as out:
            for chunk in response.iter_raw():
                out.write(chunk)
                done += len(chunk)
                report(done, file.bytes)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _silently(_done: int, _of: int) -> None:
    pass
