"""scikit-learn's digits (Alpaydin & Kaynak 1998, UCI): 1,797 grey images of 8×8, offline."""

import numpy as np
from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # scikit-learn ships no types

from winnow.artifact.uploads import RawImages


def digits() -> RawImages:
    """Pixels 0–16 as 0–255 (×255/16, halves up); no official test set."""
    bunch = load_digits()
    pixels = bunch.images.astype(np.int64)
    x = ((pixels * 255 + 8) // 16).astype(np.uint8)[..., None]
    return RawImages(x, bunch.target.astype(np.int64))
