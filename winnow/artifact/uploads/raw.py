"""A data set's images as arrays, whatever they came in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RawImages:
    """`x` uint8 N×H×W×C and class indices `y` int64 N; the official test set likewise, or None."""

    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    x_test: NDArray[np.uint8] | None = None
    y_test: NDArray[np.int64] | None = None
