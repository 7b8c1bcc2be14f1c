"""Random: what every other criterion has to beat."""

import torch

from winnow.lottery.scoring import Subject
from winnow.lottery.selection import Scores


def random(subject: Subject) -> Scores:
    """Uniform in [0, 1), drawn anew at each level: every layer is expected at the same density (trap 10)."""
    draws = subject.draws()
    return {
        name: torch.rand(mask.shape, generator=draws, dtype=torch.float64).numpy()
        for name, mask in subject.masks.items()
    }
