"""The container of a packed ticket: a magic, a version, and five checked sections in a fixed order.

`docs/formats.md` gives the layout. Here are lengths, checksums and compression; what the sections mean is `ticket`'s.
"""

import hashlib
import struct
from enum import IntEnum
from os import SEEK_CUR
from typing import BinaryIO, NamedTuple

import zstandard

from winnow.contract.problems import InvalidFile

MAGIC = b"\x89WNW\r\n\x1a\n"
VERSION = 1
MAX_HEADER = 4 * 2**20
ZSTD_LEVEL = 3
"""Part of the format's bytes, as is zstd's release (1.5.7 writes the golden files); readers depend on neither."""

_PREAMBLE = struct.Struct("<8sI")
_FRAME = struct.Struct("<4sIQ")
_NOTHING = b"\x01\x00\x00"
"""The blocks of an empty frame: one, the last, with nothing in it (RFC 8878, 3.1.1.2)."""
_DIGEST = hashlib.sha256().digest_size


class Encoding(IntEnum):
    """How a section's payload is stored."""

    RAW = 0
    ZSTD = 1
    GAPS = 2


ALLOWED = {
    b"HEAD": {Encoding.RAW},
    b"MASK": {Encoding.RAW, Encoding.GAPS},
    b"EXPO": {Encoding.RAW, Encoding.ZSTD},
    b"MANT": {Encoding.RAW},
    b"REST": {Encoding.RAW, Encoding.ZSTD},
}
"""The sections in their order, and how each may be stored."""


class Section(NamedTuple):
    """One section as stored."""

    encoding: Encoding
    payload: bytes


def smaller(raw: bytes, encoding: Encoding, squeezable: bytes) -> Section:
    """`squeezable` compressed, stored as `encoding`, where that is smaller than `raw` as it is."""
    payload = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(squeezable)
    return Section(encoding, payload) if len(payload) < len(raw) else Section(Encoding.RAW, raw)


def content(section: Section, least: int, most: int) -> bytes:
    """What a section holds, decompressed; InvalidFile where it is damaged or not `least` to `most` bytes long.

    The length is looked at before any room is made for it.
    """
    squeezed = section.encoding is not Encoding.RAW
    size = _frame_size(section.payload) if squeezed else len(section.payload)
    if not least <= size <= most:
        raise InvalidFile(f"a section holds {size} bytes where the header asks for {least} to {most}")
    if not squeezed:
        return section.payload
    if size == 0 and section.payload[zstandard.frame_header_size(section.payload) :] != _NOTHING:
        raise InvalidFile("a compressed section holds nothing, and more follows")  # the library looks at neither
    try:
        return zstandard.ZstdDecompressor().decompress(section.payload, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise InvalidFile(f"a compressed section is damaged ({error})") from error


def _frame_size(payload: bytes) -> int:
    try:
        size = zstandard.frame_content_size(payload)
    except zstandard.ZstdError as error:
        raise InvalidFile(f"a compressed section is damaged ({error})") from error
    if size < 0:
        raise InvalidFile("a compressed section does not say its size")
    return size


def join(sections: dict[bytes, Section]) -> bytes:
    """The bytes of a file with these sections."""
    parts = [_PREAMBLE.pack(MAGIC, VERSION)]
    for name in ALLOWED:
        frame = _FRAME.pack(name, sections[name].encoding, len(sections[name].payload))
        parts += [frame, _checksum(frame, sections[name].payload), sections[name].payload]
    return b"".join(parts)


def split(data: bytes) -> dict[bytes, Section]:
    """The sections of a file; InvalidFile where anything is missing, left over, unknown or changed."""
    if len(data) < _PREAMBLE.size or not data.startswith(MAGIC):
        raise InvalidFile("this is no ticket")
    version = _PREAMBLE.unpack_from(data)[1]
    if version != VERSION:
        raise InvalidFile(f"this ticket has version {version}, and this Winnow reads version {VERSION}")
    sections = {}
    at = _PREAMBLE.size
    for name in ALLOWED:
        sections[name] = _section(data, at, name)
        at += _FRAME.size + _DIGEST + len(sections[name].payload)
    if at != len(data):
        raise InvalidFile(f"{len(data) - at} bytes follow the last section")
    return sections


def payload_sizes(file: BinaryIO) -> dict[bytes, int]:
    """The size of each section's payload, read from the frames alone; nothing is checked."""
    sizes = {}
    file.seek(_PREAMBLE.size)
    for name in ALLOWED:
        _, _, sizes[name] = _FRAME.unpack(file.read(_FRAME.size))
        file.seek(_DIGEST + sizes[name], SEEK_CUR)
    return sizes


def _section(data: bytes, at: int, name: bytes) -> Section:
    start = at + _FRAME.size + _DIGEST
    if start > len(data):
        raise InvalidFile(f"the file ends before its section {name.decode()}")
    found, encoding, length = _FRAME.unpack_from(data, at)
    if found != name or encoding not in ALLOWED[name]:
        raise InvalidFile(f"section {name.decode()} is missing or stored in an unknown way")
    if length > len(data) - start or (name == b"HEAD" and length > MAX_HEADER):
        raise InvalidFile(f"section {name.decode()} claims {length} bytes, more than it may")
    payload = data[start : start + length]
    if data[at + _FRAME.size : start] != _checksum(data[at : at + _FRAME.size], payload):
        raise InvalidFile(f"section {name.decode()} is not what was written: its checksum differs")
    return Section(Encoding(encoding), payload)


def _checksum(frame: bytes, payload: bytes) -> bytes:
    digest = hashlib.sha256(frame)
    digest.update(payload)
    return digest.digest()
