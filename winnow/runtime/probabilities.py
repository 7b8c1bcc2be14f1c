"""From logits to what is said of an image."""

import numpy as np
from numpy.typing import NDArray

from winnow.contract.problems import InvalidFile
from winnow.contract.resources import Prediction, Top

Probabilities = NDArray[np.float64]


def softmax(logits: NDArray[np.float32]) -> Probabilities:
    """Row by row, in float64, the largest logit first taken off so that nothing overflows.

    Raises InvalidFile where a logit is not finite: only a network that diverged in training gives one.
    """
    if not np.isfinite(logits).all():
        raise InvalidFile("this network gives no finite numbers: it diverged in training; train it at a lower rate")
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def prediction(name: str, probabilities: Probabilities, classes: tuple[str, ...], top: int = 5) -> Prediction:
    """What one row says, with its `top` classes, the likeliest first; of equals, the one with the lower index."""
    best = np.argsort(-probabilities, kind="stable")[:top]
    ranked = tuple(Top(label=classes[index], probability=float(probabilities[index])) for index in best)
    return Prediction(
        name=name, label=ranked[0].label, index=int(best[0]), probability=ranked[0].probability, top=ranked
    )
