"""The packed ticket, `ticket.winnow`: header, mask, surviving values, dense tensors in one checked file.

`docs/formats.md` gives the layout byte by byte, and what is forbidden in it and why.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from winnow.artifact import coding, sections
from winnow.artifact.atomic import write_atomically
from winnow.artifact.header import Header, what_is_wrong
from winnow.artifact.masks import Mask, Masks, check_masked
from winnow.artifact.sections import Encoding, Section
from winnow.artifact.weights import DTYPES, Array, Tensors, dtype_name, is_sound, raw_bytes
from winnow.contract.problems import InvalidFile
from winnow.contract.values import Record, canonical_json

MAX_VALUES = 2**28
"""Values in all tensors together, masked or not: 1 GiB of float32, nearly twice VGG-19's."""

MAX_BYTES = 2**32
"""Size of a file: every value as wide as float64, and some."""


@dataclass(frozen=True)
class Ticket:
    """A network as the file holds it: boolean masks (True = kept), and all tensors in dense layout."""

    header: Header
    masks: Mapping[str, Mask]
    weights: Tensors


class _Entry(Record):
    """One tensor of the header; `kept` is null for a dense one."""

    name: str = Field(min_length=1)
    dtype: str
    shape: tuple[Annotated[int, Field(ge=0, le=MAX_VALUES)], ...] = Field(max_length=32)
    kept: int | None = Field(ge=0)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.dtype not in DTYPES or self.name == "__metadata__":
            raise ValueError(f"{self.name}: no such tensor or type")
        if self.kept is not None and (self.dtype != "F32" or self.kept > self.size):
            raise ValueError(f"{self.name}: a masked tensor is F32 and keeps at most what it has")
        return self

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.size * DTYPES[self.dtype].itemsize


class _Head(Header):
    tensors: tuple[_Entry, ...]

    @model_validator(mode="after")
    def _ordered_and_bounded(self) -> Self:
        if any(first.name >= second.name for first, second in pairwise(self.tensors)):
            raise ValueError("tensors must stand in the order of their names, each once")
        # Axes of size 0 count as 1: numpy, too, multiplies the others before it makes room for nothing.
        if sum(math.prod(max(size, 1) for size in entry.shape) for entry in self.tensors) > MAX_VALUES:
            raise ValueError(f"the tensors claim more than {MAX_VALUES} values")
        return self

    def part(self, *, masked: bool) -> list[_Entry]:
        return [entry for entry in self.tensors if (entry.kept is not None) == masked]


def write_ticket(path: Path, header: Header, masks: Masks, weights: Tensors) -> None:
    """Writes a ticket; ValueError as `pack`."""
    write_atomically(path, [pack(header, masks, weights)])


def read_ticket(path: Path) -> Ticket:
    """Reads a ticket; InvalidFile where it is not as `docs/formats.md` says."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidFile("it is longer than any ticket")
        return unpack(path.read_bytes())
    except InvalidFile as error:
        raise InvalidFile(f"{path.name}: {error.detail}. Get the file again from where it came") from error


def pack(header: Header, masks: Masks, weights: Tensors) -> bytes:
    """The bytes of a ticket: a pure function of its arguments, whatever the order of the names.

    Raises ValueError where masks and weights do not belong together (`check_masked`), or are more than fits.
    """
    check_masked(masks, weights)
    order = sorted(masks)
    bits = np.concatenate([np.empty(0, np.bool_), *(masks[name].ravel() for name in order)])
    values = np.concatenate([np.empty(0, np.float32), *(weights[name][masks[name]] for name in order)])
    exponents, rest = coding.planes(values)
    head = _header_bytes(header, masks, weights)
    if len(head) > sections.MAX_HEADER:
        raise ValueError(f"the header has {len(head)} bytes, more than {sections.MAX_HEADER}: shorten the class names")
    dense = b"".join(raw_bytes(weights[name]) for name in sorted(weights) if name not in masks)
    return sections.join(
        {
            b"HEAD": Section(Encoding.RAW, head),
            b"MASK": sections.smaller(coding.packed(bits), Encoding.GAPS, coding.gaps(bits)),
            b"EXPO": sections.smaller(exponents, Encoding.ZSTD, exponents),
            b"MANT": Section(Encoding.RAW, rest),
            b"REST": sections.smaller(dense, Encoding.ZSTD, dense),
        }
    )


def fixed_bytes(path: Path) -> int:
    """What a ticket takes besides mask and surviving values: with fewer weights kept, its network takes as much."""
    with path.open("rb") as file:
        sizes = sections.payload_sizes(file)
    return path.stat().st_size - sum(sizes[name] for name in (b"MASK", b"EXPO", b"MANT"))


def most_bytes(fixed: int, kept: int, prunable: int) -> int:
    """What a ticket takes at most that takes `fixed` besides: four bytes for each value kept, and the mask.

    That is a bit for each weight, or its gaps: a byte for each weight kept and for each 255 others, compressed.
    """
    gaps = kept + prunable // 255
    return fixed + 4 * kept + min((prunable + 7) // 8, gaps + gaps // 100 + 64)


def _header_bytes(header: Header, masks: Masks, weights: Tensors) -> bytes:
    entries = []
    for name, values in sorted(weights.items()):
        kept = int(masks[name].sum()) if name in masks else None
        entries.append(_Entry(name=name, dtype=dtype_name(values), shape=values.shape, kept=kept))
    return canonical_json(_Head(**dict(header), tensors=tuple(entries)).model_dump(mode="json"))


def unpack(data: bytes) -> Ticket:
    """The ticket in these bytes; InvalidFile as `read_ticket`."""
    stored = sections.split(data)
    head = _head(stored[b"HEAD"].payload)
    masked = head.part(masked=True)
    masks = _masks(stored[b"MASK"], masked)
    kept = sum(entry.kept or 0 for entry in masked)
    values = coding.values_of_planes(
        sections.content(stored[b"EXPO"], kept, kept), sections.content(stored[b"MANT"], 3 * kept, 3 * kept)
    )
    weights = _dense(stored[b"REST"], head.part(masked=False)) | _spread(values, masks)
    header = Header(**{name: getattr(head, name) for name in Header.model_fields})
    return Ticket(header, masks, dict(sorted(weights.items())))


def _head(payload: bytes) -> _Head:
    try:
        # One text for one header: no doubled keys, no NaN, nothing that two readers could take in two ways.
        if canonical_json(json.loads(payload)) != payload:
            raise ValueError("it is not canonical JSON")
        return _Head.model_validate_json(payload, strict=True)
    except ValidationError as error:
        raise InvalidFile(f"the header is damaged: {what_is_wrong(error)}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidFile(f"the header is damaged: {error}") from error


def _masks(section: Section, entries: Sequence[_Entry]) -> dict[str, Mask]:
    size, kept = sum(entry.size for entry in entries), sum(entry.kept or 0 for entry in entries)
    if section.encoding is Encoding.GAPS:
        bits = coding.bits_of_gaps(sections.content(section, 0, kept + size // 255), size)
    else:
        bits = coding.bits_of_packed(section.payload, size)
    masks = {}
    for entry, (start, end) in zip(entries, _places(entry.size for entry in entries), strict=True):
        masks[entry.name] = bits[start:end].reshape(entry.shape)
        if int(masks[entry.name].sum()) != entry.kept:
            raise InvalidFile(f"the mask of {entry.name} does not keep what the header says")
    return masks


def _dense(section: Section, entries: Sequence[_Entry]) -> dict[str, Array]:
    size = sum(entry.bytes for entry in entries)
    data = sections.content(section, size, size)
    places = _places(entry.bytes for entry in entries)
    weights = {
        entry.name: np.frombuffer(data[start:end], DTYPES[entry.dtype]).reshape(entry.shape).copy()
        for entry, (start, end) in zip(entries, places, strict=True)
    }
    if not all(map(is_sound, weights.values())):
        raise InvalidFile("booleans must be 0 or 1")
    return weights


def _spread(values: Array, masks: Masks) -> dict[str, Array]:
    weights = {}
    places = _places(int(mask.sum()) for mask in masks.values())
    for (name, mask), (start, end) in zip(masks.items(), places, strict=True):
        weights[name] = np.zeros(mask.shape, np.float32)
        weights[name][mask] = values[start:end]
    return weights


def _places(sizes: Iterable[int]) -> Iterable[tuple[int, int]]:
    return pairwise(accumulate(sizes, initial=0))
