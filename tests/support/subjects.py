"""Networks to be scored: small, with masks or without, on the small data set that can be learnt."""

from typing import Any

from tests.support.lottery import random_masks, recipe, split, start
from winnow.lottery.scoring import Subject


def subject(architecture: str = "digits_cnn", density: float = 1.0, **changes: Any) -> Subject:
    """Fresh values under random masks of that density."""
    settings = recipe(architecture, **changes)
    return Subject(settings, start(settings, 4).network, random_masks(settings, density), split(), depth=1)
