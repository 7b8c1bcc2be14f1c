"""Masks as safetensors: one packed bit string for each prunable tensor, 1 = kept. See `docs/formats.md`."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from winnow.artifact.weights import Tensors, read_tensors, write_weights
from winnow.contract.problems import InvalidFile
from winnow.contract.values import canonical_json

Mask = NDArray[np.bool_]
Masks = Mapping[str, Mask]


def write_masks(path: Path, masks: Masks) -> None:
    """Writes boolean arrays (True = kept) as packed bits in C order, most significant bit first."""
    shapes = {name: list(mask.shape) for name, mask in masks.items()}
    packed = {name: np.packbits(mask.ravel()) for name, mask in masks.items()}
    write_weights(path, packed, {"shapes": canonical_json(shapes).decode()})


def read_masks(path: Path) -> dict[str, Mask]:
    """The boolean arrays, by name; InvalidFile where bits and shapes do not belong together."""
    packed, metadata = read_tensors(path)
    shapes = _shapes(path, metadata.get("shapes", ""))
    if shapes.keys() != packed.keys():
        raise InvalidFile(f"{path.name}: `shapes` in its metadata must name its tensors, each once")
    masks = {}
    for name, bits in packed.items():
        size = math.prod(shapes[name])
        if bits.dtype != np.uint8 or bits.shape != ((size + 7) // 8,):
            raise InvalidFile(f"{path.name}: {name} must hold {size} bits packed in uint8, as its shape says")
        flat = np.unpackbits(bits).view(np.bool_)
        if flat[size:].any():
            raise InvalidFile(f"{path.name}: {name} has bits beyond its shape; they must be 0")
        masks[name] = flat[:size].reshape(shapes[name])
    return masks


def _shapes(path: Path, text: str) -> dict[str, tuple[int, ...]]:
    try:
        shapes = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidFile(f"{path.name} is no mask: its metadata has no JSON `shapes`") from error
    if not isinstance(shapes, dict) or not all(map(_is_shape, shapes.values())):
        raise InvalidFile(f"{path.name}: `shapes` in its metadata must map each name to a list of sizes")
    return {name: tuple(shape) for name, shape in shapes.items()}


def _is_shape(value: Any) -> bool:
    """A list of sizes that an array can have; for axes of size 0, too, numpy bounds the product of the others."""
    if not isinstance(value, list) or len(value) > 32 or not all(type(size) is int and size >= 0 for size in value):
        return False
    return bool(math.prod(max(size, 1) for size in value) < 2**62)


def check_masked(masks: Masks, weights: Tensors) -> None:
    """ValueError unless each mask lies over a float32 tensor of its shape that is +0.0 at each masked position."""
    for name, mask in masks.items():
        values = weights.get(name)
        if values is None or values.dtype != np.float32 or values.shape != mask.shape or mask.dtype != np.bool_:
            raise ValueError(f"{name}: a boolean mask wants a float32 tensor of the same name and shape")
        if values[~mask].view(np.uint32).any():
            raise ValueError(f"{name}: masked positions must hold +0.0")
