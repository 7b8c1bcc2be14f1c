"""Magnitude: Han et al. 2015, "Learning both weights and connections for efficient neural networks".

arXiv:1506.02626
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def magnitude(weights: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """|w| for each weight; a sign never matters (trap 1)."""
    return {name: np.abs(values) for name, values in weights.items()}
