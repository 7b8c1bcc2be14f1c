"""Criteria: weights → scores. A score is an importance, the highest are kept; it never knows mask or scope."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from winnow.lottery.criteria.magnitude import magnitude

Weights = Mapping[str, NDArray[np.float32]]
Scores = Mapping[str, NDArray[np.float32]]
Criterion = Callable[[Weights], Scores]

CRITERIA: dict[str, Criterion] = {"magnitude": magnitude}
