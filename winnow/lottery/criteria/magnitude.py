"""Magnitude: Han et al. 2015, "Learning both weights and connections for efficient neural networks".

arXiv:1506.02626
"""

import numpy as np

from winnow.lottery.scoring import Subject
from winnow.lottery.selection import Scores


def magnitude(subject: Subject) -> Scores:
    """|w|; a sign never matters (trap 1)."""
    return {name: np.abs(values) for name, values in subject.weights.items()}
