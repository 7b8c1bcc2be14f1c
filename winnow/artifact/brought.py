"""Weights that somebody brings: the tensors of their file, matched with those of an architecture.

Safetensors alone. Names are as in the state dict; a prefix that wrappers put before all of them is taken off. Training
scripts differ in what they save: the count of batches that batch norm has seen may be missing.
"""

import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from winnow.artifact.masks import Mask, read_masks
from winnow.artifact.weights import Array, read_tensors
from winnow.contract.problems import FieldError, InvalidFile

PREFIXES = ("module.", "_orig_mod.", "model.", "network.")
"""Of DataParallel, of torch.compile, and of training scripts that hold the network in a field."""

COUNTED = ".num_batches_tracked"
FLOATS = ("F64", "F32", "F16")
MAX_HEADER = 16 * 2**20

Shape = tuple[int, ...]


class Entry(NamedTuple):
    """A tensor as the file's header has it."""

    dtype: str
    shape: Shape


def entries(path: Path) -> dict[str, Entry]:
    """The tensors that a safetensors file says it has; only its header is read. Raises InvalidFile."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(MAX_HEADER, path.stat().st_size - 8):
                raise ValueError("its header is cut off, or longer than any network's")
            header = json.loads(file.read(length))
        "".join(header).encode()  # half a surrogate pair is in no name that somebody could be told
        return {name: _entry(value) for name, value in header.items() if name != "__metadata__"}
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise InvalidFile(
            f"{path.name} is no safetensors file ({error}). Save the state dict as safetensors, or convert a .pt or "
            ".pth file with `winnow convert`."
        ) from error


def matched(found: Mapping[str, Entry], wanted: Mapping[str, Shape]) -> dict[str, str]:
    """Name in the architecture → name in the file.

    Raises InvalidFile whose members `missing`, `unexpected` and `wrong_shape` are all that does not fit.
    """
    plain = _plain(found, wanted)
    missing = [name for name in wanted if name not in plain and not name.endswith(COUNTED)]
    unexpected = [plain[name] for name in plain if name not in wanted]
    wrong = [
        f"{plain[name]}: {list(found[plain[name]].shape)}, not {list(shape)}"
        for name, shape in wanted.items()
        if name in plain and not _fits(found[plain[name]], shape)
    ]
    if missing or unexpected or wrong:
        report = {"missing": missing, "unexpected": unexpected, "wrong_shape": wrong}
        raise InvalidFile(_said(report), _errors(report), **report)
    return {name: plain[name] for name in wanted if name in plain}


def read_brought(path: Path, wanted: Mapping[str, Shape]) -> dict[str, Array]:
    """The tensors as the architecture wants them: float32, counts int64, in its order. Raises InvalidFile."""
    matched(entries(path), wanted)  # by its header alone: what does not fit is not read
    return fitted(read_tensors(path)[0], wanted)


def fitted(tensors: Mapping[str, Array], wanted: Mapping[str, Shape]) -> dict[str, Array]:
    """Tensors by the names of a file as the architecture wants them. Raises InvalidFile."""
    names = matched({name: Entry(str(array.dtype), array.shape) for name, array in tensors.items()}, wanted)
    return {name: _value(tensors, names, name, shape) for name, shape in wanted.items()}


def brought_masks(
    weights: Mapping[str, Array], prunable: Collection[str], zeros: str | None, mask: Path | None
) -> dict[str, Mask]:
    """What is masked: nothing; the zeros, if they are said to be; and what a mask file masks (trap 18).

    Raises InvalidFile.
    """
    masks = {
        name: weights[name] != 0 if zeros == "masked" else np.ones(weights[name].shape, np.bool_) for name in prunable
    }
    if mask is None:
        return masks
    read = _read_masks(mask, {name: weights[name].shape for name in prunable})
    return {name: kept & read[name] if name in read else kept for name, kept in masks.items()}


def _read_masks(path: Path, wanted: Mapping[str, Shape]) -> dict[str, Mask]:
    """The masks in a file, of these tensors or some of them: packed as Winnow's are, or zeros and others by name."""
    tensors, metadata = read_tensors(path)
    arrays: Mapping[str, Array] = read_masks(path) if "shapes" in metadata else tensors
    plain = _plain({name: Entry("", array.shape) for name, array in arrays.items()}, wanted)
    masks = {name: arrays[where] != 0 for name, where in plain.items()}
    for name, mask in masks.items():
        if name not in wanted:
            raise InvalidFile(f"The mask has {name!r}, which is no prunable tensor of the network. Leave it out.")
        if mask.shape != wanted[name]:
            raise InvalidFile(f"The mask {name!r} is {list(mask.shape)}, and its tensor {list(wanted[name])}.")
    return masks


def _entry(value: Any) -> Entry:
    shape = tuple(int(side) for side in value["shape"])
    if not all(0 <= side < 2**40 for side in shape):
        raise ValueError("a shape that no tensor has")
    return Entry(str(value["dtype"]), shape)


def _plain(found: Mapping[str, Entry], wanted: Mapping[str, Shape]) -> dict[str, str]:
    """Name without prefixes → name in the file. A prefix that the architecture's own names have stays."""
    cut = ""
    while prefix := next((p for p in PREFIXES if found and all(name.startswith(cut + p) for name in found)), None):
        if any(name.startswith(prefix) for name in wanted):
            break
        cut += prefix
    return {name.removeprefix(cut): name for name in found}


def _fits(entry: Entry, shape: Shape) -> bool:
    return entry.shape == shape or (math.prod(entry.shape) == 1 and math.prod(shape) == 1)


def _value(tensors: Mapping[str, Array], names: Mapping[str, str], name: str, shape: Shape) -> Array:
    if name.endswith(COUNTED):
        return np.array(tensors[names[name]], np.int64).reshape(shape) if name in names else np.zeros(shape, np.int64)
    values = tensors[names[name]]
    if not np.issubdtype(values.dtype, np.floating):
        raise InvalidFile(f"{names[name]} is {values.dtype}: weights are {', '.join(FLOATS)}.")
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    if not np.isfinite(single).all():
        raise InvalidFile(f"{names[name]} holds values that are no finite numbers in float32: nothing can be computed.")
    return single.reshape(shape)


def _said(report: Mapping[str, list[str]]) -> str:
    words = {"missing": "missing", "unexpected": "unexpected", "wrong_shape": "of another shape"}
    parts = [
        f"{len(names)} {words[kind]} ({names[0]}{', …' if names[1:] else ''})"
        for kind, names in report.items()
        if names
    ]
    return (
        f"The weights do not fit the architecture: {'; '.join(parts)}. Name the architecture, classes, channels and "
        "size that they were trained with."
    )


def _errors(report: Mapping[str, list[str]]) -> tuple[FieldError, ...]:
    return tuple(FieldError(loc=("weights", kind), msg=name) for kind, names in report.items() for name in names[:100])
