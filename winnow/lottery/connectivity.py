"""The straight line between two networks: Frankle et al. 2020, arXiv:1912.05671.

A network between two others has the batch-norm statistics of neither, so those are estimated anew at each point, as is
usual for averaged weights (Izmailov et al. 2018, arXiv:1803.05407, section 3.2): from training images without
augmentation, in a fixed order, each batch with the same weight.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.recipes import Recipe
from winnow.contract.results import Line
from winnow.lottery.architectures import build
from winnow.lottery.data.batches import in_order, order
from winnow.lottery.data.images import AnyPart, Split
from winnow.lottery.evaluation import score
from winnow.lottery.state import Array, Arrays, load_network

POINTS = 30
"""Evenly spaced, both ends included."""

STATISTICS_IMAGES = 2000
STATISTICS_BATCH = 100


def line_between(recipe: Recipe, split: Split, first: Arrays, second: Arrays, beat: Callable[[], None]) -> Line:
    """Measure validation accuracy on the line from `first` to `second`; `beat` is called now and then."""
    network = build(recipe.architecture, recipe.classes, recipe.channels, recipe.size).to(split.train.device)
    norms = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    images, correct = statistics_images(recipe, split.train), []
    for place in range(POINTS):
        load_network(network, point(first, second, place / (POINTS - 1)))
        if norms:
            estimate_statistics(network, norms, images, split.preprocessing, beat)
        correct.append(score(network, split.validation, split.preprocessing, beat).correct)
    return Line(correct=tuple(correct), images=len(split.validation), statistics_images=len(images) if norms else 0)


def point(first: Arrays, second: Arrays, share: float) -> dict[str, Array]:
    """The network at this share of the way: exactly `first` at 0 and `second` at 1. Counters are those of `first`."""
    return {
        name: values if values.dtype.kind != "f" else _mixed(values, second[name], share)
        for name, values in first.items()
    }


def estimate_statistics(
    network: nn.Module, norms: list[_BatchNorm], images: AnyPart, preprocessing: Preprocessing, beat: Callable[[], None]
) -> None:
    """Set running mean and variance of each of the network's `norms` to their averages over batches of these images."""
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for an average in which each batch has the same weight
    network.train()
    with torch.no_grad():
        for x, _ in in_order(images, preprocessing, STATISTICS_BATCH):
            beat()
            network(x)


def _mixed(first: Array, second: Array, share: float) -> Array:
    return ((1 - share) * first.astype(np.float64) + share * second).astype(first.dtype)


def statistics_images(recipe: Recipe, train: AnyPart) -> AnyPart:
    """The first images of epoch 0: whole batches of them, or all where there is not even one."""
    count = min(STATISTICS_IMAGES, len(train) // STATISTICS_BATCH * STATISTICS_BATCH) or len(train)
    chosen = order(recipe.seed, recipe.replicate, 0, len(train))[:count].to(train.y.device)
    return train.only(chosen)
