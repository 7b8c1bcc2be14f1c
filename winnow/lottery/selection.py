"""Scores and counts → masks (True is kept): exact counts, ties by position, pruned stays pruned."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from winnow.plan.counts import Counts

Mask = NDArray[np.bool_]
Masks = Mapping[str, Mask]
Scores = Mapping[str, NDArray[np.floating]]
"""An importance for each prunable weight: the highest are kept."""


def select(scores: Scores, parent: Masks, counts: Counts) -> dict[str, Mask]:
    """Prune the parent's survivors of lowest score until `counts` are masked.

    Of equal scores the first in position goes first. `counts.by_tensor`, where there is one, is in the order of
    `parent`; else all tensors share one ranking. Liveness is the parent's mask, never a value: a live weight that is 0
    is live (trap 18). Raises ValueError for scores that are not finite and for counts that survivors cannot give.
    """
    if not all(np.isfinite(scores[name]).all() for name in parent):
        raise ValueError("a score is not finite")
    if counts.by_tensor is None:
        flat = np.concatenate([scores[name].ravel() for name in parent])
        alive = np.concatenate([mask.ravel() for mask in parent.values()])
        return _split(_keep(flat, alive, counts.total), parent)
    return {
        name: _keep(scores[name].ravel(), mask.ravel(), zeros).reshape(mask.shape)
        for (name, mask), zeros in zip(parent.items(), counts.by_tensor, strict=True)
    }


def _keep(scores: NDArray[np.floating], alive: Mask, zeros: int) -> Mask:
    """The flat mask with `zeros` masked: partial sorting finds the highest score to go, position breaks its ties."""
    survivors = int(alive.sum())
    new = zeros - (alive.size - survivors)
    if not 0 <= new <= survivors:
        raise ValueError(f"cannot mask {new} more of {survivors} survivors")
    if not new:
        return alive.copy()
    live = scores if survivors == alive.size else scores[alive]
    last = np.partition(live, new - 1)[new - 1]
    kept: Mask = alive & (scores >= last)
    tied = np.flatnonzero(alive & (scores == last))
    kept[tied[: new - (survivors - int(kept.sum()))]] = False
    return kept


def _split(flat: Mask, like: Masks) -> dict[str, Mask]:
    ends = np.cumsum([mask.size for mask in like.values()])
    parts = np.split(flat, ends[:-1])
    return {name: part.reshape(mask.shape) for (name, mask), part in zip(like.items(), parts, strict=True)}


def shuffled(masks: Masks, seed: int) -> dict[str, Mask]:
    """The masks with the positions of each tensor permuted: the same counts in each, elsewhere.

    Drawn by torch, whose release is part of a unit's key: numpy does not promise the same draws in every version.
    """
    generator = torch.Generator().manual_seed(seed)
    movable = any(mask.any() and not mask.all() for mask in masks.values())
    return until_moved(masks, lambda: {name: _permuted(mask, generator) for name, mask in masks.items()}, movable)


def until_moved(masks: Masks, draw: Callable[[], dict[str, Mask]], movable: bool) -> dict[str, Mask]:
    """A draw of masks, again while it leaves everything in place, which small tensors allow."""
    while True:
        moved = draw()
        if not movable or any((moved[name] != mask).any() for name, mask in masks.items()):
            return moved


def _permuted(mask: Mask, generator: torch.Generator) -> Mask:
    order: NDArray[np.int64] = torch.randperm(mask.size, generator=generator).numpy()
    return mask.ravel()[order].reshape(mask.shape)
