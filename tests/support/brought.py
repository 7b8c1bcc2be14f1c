"""A network that somebody brings: weights of `digits_cnn`, as files and as the unit that takes them in."""

import hashlib
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.lottery import recipe
from winnow.artifact.weights import Array, write_weights
from winnow.contract.inputs import BroughtInputs
from winnow.contract.units import Unit
from winnow.lottery.inits import initial

DIGITS = tuple("0123456789")
SPEC: dict[str, Any] = {
    "architecture": "digits_cnn",
    "classes": list(DIGITS),
    "input": {"channels": 1, "size": [8, 8], "mean": [0.3], "std": [0.375]},
}


def weights(seed: int = 0) -> dict[str, Array]:
    """Fresh values."""
    return dict(initial(recipe("digits_cnn", classes=10), seed))


def safetensors(tensors: dict[str, Array]) -> bytes:
    """A file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        write_weights(path := Path(folder) / "some.safetensors", tensors)
        return path.read_bytes()


def brought_unit(sent: bytes, mask: bytes | None = None, **changes: Any) -> Unit:
    """The unit that makes these files a model."""
    inputs: dict[str, Any] = {
        "architecture": "digits_cnn",
        "classes": DIGITS,
        "channels": 1,
        "size": (8, 8),
        "mean": (Decimal("0.3"),),
        "std": (Decimal("0.375"),),
        "weights": hashlib.sha256(sent).hexdigest(),
        "mask": hashlib.sha256(mask).hexdigest() if mask else None,
    }
    return Unit(inputs=BroughtInputs(**inputs | changes), cost=1)


def half_pruned(seed: int = 0) -> dict[str, Array]:
    """Weights of which every second prunable one is 0."""
    found = weights(seed)
    return {
        name: np.where(np.arange(array.size).reshape(array.shape) % 2, array, 0).astype(array.dtype)
        if name.endswith(".weight") and array.ndim > 1
        else array
        for name, array in found.items()
    }
