"""Mean and standard deviation of the pixels, from exact sums."""

from math import sqrt

import torch
from torch import Tensor

from winnow.artifact.preprocessing import Preprocessing

_IMAGES_AT_ONCE = 4096


def measured(x: Tensor) -> Preprocessing:
    """The preprocessing whose mean and standard deviation (of the whole population) are those of uint8 N×C×H×W `x`.

    Counted in integers, so that neither the order of the images nor the number of threads can move a bit. A channel
    that never changes gets a standard deviation of 1.
    """
    channels, height, width = x.shape[1:]
    moments = [_moments(_histogram(x, channel)) for channel in range(channels)]
    mean, std = zip(*moments, strict=True)
    return Preprocessing(channels=channels, size=(height, width), mean=mean, std=std)


def _histogram(x: Tensor, channel: int) -> list[int]:
    counts = torch.zeros(256, dtype=torch.int64)
    for chunk in torch.split(x[:, channel], _IMAGES_AT_ONCE):
        counts += torch.bincount(chunk.flatten(), minlength=256)
    return [int(count) for count in counts]


def _moments(histogram: list[int]) -> tuple[float, float]:
    pixels = sum(histogram)
    total = sum(value * count for value, count in enumerate(histogram))
    squares = sum(value * value * count for value, count in enumerate(histogram))
    spread = pixels * squares - total * total
    return total / (255 * pixels), sqrt(spread) / (255 * pixels) if spread else 1.0
