"""What a network answers to each image of a split, and everything that is counted in it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TOP = 5

BINS = 15
"""Of the top probability, equally wide: as in Guo et al. 2017, arXiv:1706.04599."""


class Counts(NamedTuple):
    """What `winnow.contract.results.Score` tells beside correct answers and loss, under its names."""

    correct_top5: int | None
    correct_coarse: int | None
    correct_by_class: tuple[int, ...]
    images_by_class: tuple[int, ...]
    calibration_error: float


class Answers:
    """The answers so far. They stay on the network's device until they are counted: one copy for a whole split."""

    def __init__(self) -> None:
        self._taken: list[tuple[Tensor, ...]] = []
        self._classes = 0

    def take(self, logits: Tensor, labels: Tensor) -> None:
        """The logits N×classes of a batch and its labels."""
        self._classes = logits.shape[1]
        confidence = logits.double().softmax(1).amax(1).nan_to_num(0)  # of logits that are no numbers the loss tells
        self._taken.append((labels, logits.argmax(1), ranks(logits, labels), confidence))

    def counts(self, superclasses: Sequence[int] | None) -> Counts:
        """All that is counted; `superclasses` by class, where the data set has them."""
        labels, predicted, place, confidence = (
            torch.cat(parts).cpu().numpy() for parts in zip(*self._taken, strict=True)
        )
        right = predicted == labels
        coarse = None if superclasses is None else np.array(superclasses)
        return Counts(
            correct_top5=int((place < TOP).sum()) if self._classes > TOP else None,
            correct_coarse=None if coarse is None else int((coarse[predicted] == coarse[labels]).sum()),
            correct_by_class=tuple(np.bincount(labels[right], minlength=self._classes).tolist()),
            images_by_class=tuple(np.bincount(labels, minlength=self._classes).tolist()),
            calibration_error=calibration_error(confidence, right),
        )


def ranks(logits: Tensor, labels: Tensor) -> Tensor:
    """How many classes stand before the right one: those of higher logit, and of the same those of lower index.

    Counted, not sorted: `topk` promises no order among equals. Behind a logit that is no number stands nobody.
    """
    own, index = logits.gather(1, labels[:, None]), torch.arange(logits.shape[1], device=logits.device)
    behind = (logits < own) | ((logits == own) & (index >= labels[:, None]))
    return (~behind).sum(1)


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error (Guo et al. 2017, equation 3): each bin's gap between accuracy and confidence.

    A bin takes in its upper edge and weighs as much as its share of the images, so that the term of each is
    |correct − Σ confidence| ÷ images. Sums go through the images in their order.
    """
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, weights=right, minlength=BINS) - np.bincount(bins, weights=confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))
