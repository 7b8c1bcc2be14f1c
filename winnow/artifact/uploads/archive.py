"""A zip file from a stranger, opened without trusting it.

What is refused, and why: names that lead out of the archive (`../`, absolute, backslashes, a hidden NUL), symbolic
links and devices, encrypted and exotically compressed entries (an LZMA stream may ask for gigabytes), a name twice,
entries that share their bytes, and what grows beyond the limits below. `zipfile` itself holds the checksums.
"""

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from winnow.contract.problems import InvalidFile

MAX_ENTRIES = 100_000
"""`zipfile` keeps 600 bytes of each in memory."""
MAX_READ = 12 * 2**20
"""The most that is read at once; so also the longest table of contents, which `zipfile` reads in one go."""
MAX_UNPACKED = 8 * 2**30
MAX_RATIO = 100
"""Unpacked ÷ packed, for what unpacks to more than `RATIO_FREE` bytes."""
RATIO_FREE = 64 * 2**20
CHUNK = 2**20
"""Bytes unpacked at once."""

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, UnicodeDecodeError)


@contextmanager
def opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """The archive and its files (no folders), each checked; nothing is unpacked yet.

    Raises InvalidFile, from here and from what is read inside, with a text that says what to do.
    """
    with _Bounded(path) as file, _blaming_the_file(), zipfile.ZipFile(file) as archive:
        _check_names(archive.infolist())  # before `is_dir`, which trips over an empty name
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _check_sizes(entries, path.stat().st_size)
        yield archive, entries


@contextmanager
def _blaming_the_file() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise InvalidFile(f"the zip file is cut off or damaged ({error}): make it again and send all of it") from error


def chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """What an entry unpacks to, piece by piece; `zipfile` raises BadZipFile at the end if the checksum is off."""
    with archive.open(entry) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


class _Bounded(io.FileIO):
    """A file that is never read in a large piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_READ:
            raise InvalidFile(
                f"the zip file's table of contents has {size:,} bytes, more than {MAX_READ:,}: "
                "put fewer images into it, or lay the folder under WINNOW_DATA_DIR"
            )
        return super().read(size)


def _check_names(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise InvalidFile(
            f"the zip file has {len(entries):,} entries, more than {MAX_ENTRIES:,}: "
            "put fewer images into it, or lay the folder under WINNOW_DATA_DIR"
        )
    seen: set[str] = set()
    for entry in entries:
        _check_name(entry)
        _check_kind(entry)
        if entry.filename in seen:
            raise InvalidFile(f"the zip file has two entries named {entry.filename!r}: keep one of them")
        seen.add(entry.filename)


def _check_name(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename  # `filename` ends before a NUL
    parts = name.removesuffix("/").split("/")
    if "\\" in name or not name.isprintable() or not set(parts).isdisjoint({"", ".", ".."}):
        raise InvalidFile(
            f"the zip file has an entry named {name!r}: names must be plain paths inside the archive, with forward "
            "slashes, without '..' and without a slash in front; make the zip anew from the folder itself"
        )


def _check_kind(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise InvalidFile(f"{entry.filename!r} in the zip file is encrypted: make the zip again without a password")
    if entry.compress_type not in _METHODS:
        raise InvalidFile(f"{entry.filename!r} in the zip file is compressed in a rare way: use deflate, the usual one")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InvalidFile(f"{entry.filename!r} in the zip file is a link or a device: put the image itself there")


def _check_sizes(entries: Sequence[zipfile.ZipInfo], archive_bytes: int) -> None:
    packed = sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    if packed > archive_bytes:
        raise InvalidFile("entries of the zip file overlap, as in a zip bomb: make it again from the folder itself")
    if unpacked > MAX_UNPACKED or unpacked > max(RATIO_FREE, MAX_RATIO * packed):
        raise InvalidFile(
            f"the zip file would unpack to {unpacked:,} bytes from {packed:,}: at most {MAX_UNPACKED:,} and "
            f"{MAX_RATIO} times its size will do; send fewer or smaller images, or lay the folder under WINNOW_DATA_DIR"
        )
