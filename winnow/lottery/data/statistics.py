"""Mean and standard deviation of the pixels, from exact sums."""

from math import sqrt

import torch
from torch import Tensor

from winnow.artifact.preprocessing import Preprocessing

_IMAGES_AT_ONCE = 4096


def measured(x: Tensor) -> Preprocessing:
    """The preprocessing whose mean and standard deviation (of the whole population) are those of uint8 N×C×H×W `x`.

    Counted in integers, so that neither the order of the images nor the number of threads can move a bit.
    """
    height, width = x.shape[2:]
    return preprocessing_of(histograms(x), (height, width))


def histograms(x: Tensor) -> Tensor:
    """How often each channel of uint8 N×C×H×W `x` has each value: int64 C×256. Those of parts add up."""
    return torch.stack([_histogram(x, channel) for channel in range(x.shape[1])])


def preprocessing_of(counts: Tensor, size: tuple[int, int]) -> Preprocessing:
    """What the histograms of images of this height and width say.

    A channel that never changes gets a standard deviation of 1.
    """
    mean, std = zip(*map(_moments, counts.tolist()), strict=True)
    return Preprocessing(channels=len(counts), size=size, mean=mean, std=std)


def _histogram(x: Tensor, channel: int) -> Tensor:
    counts = torch.zeros(256, dtype=torch.int64)
    for chunk in torch.split(x[:, channel], _IMAGES_AT_ONCE):
        counts += torch.bincount(chunk.flatten(), minlength=256)
    return counts


def _moments(histogram: list[int]) -> tuple[float, float]:
    pixels = sum(histogram)
    total = sum(value * count for value, count in enumerate(histogram))
    squares = sum(value * value * count for value, count in enumerate(histogram))
    spread = pixels * squares - total * total
    return total / (255 * pixels), sqrt(spread) / (255 * pixels) if spread else 1.0
