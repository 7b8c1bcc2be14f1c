"""Magnitude per cost: a weight that is used at many places has to be larger to stay."""

import numpy as np

from winnow.lottery.scoring import Subject
from winnow.lottery.selection import Scores


def magnitude_per_cost(subject: Subject) -> Scores:
    """|w| ÷ c^α, where c is how many multiplications the weight causes in one forward pass of one image."""
    costs = subject.multiplications()
    return {name: np.abs(values) / np.float32(costs[name] ** subject.alpha) for name, values in subject.weights.items()}
