"""N of each M consecutive inputs: semi-structured sparsity, Mishra et al. 2021, arXiv:2104.08378.

Sparse tensor cores multiply matrices that have their zeros 2:4 along the dimension that is summed over. For a linear
layer that is its inputs, the rows of torch's out×in weights, which torch's own semi-structured tensors take as they
are. For a convolution it is the C_in×kh×kw inputs of a filter, and their order depends on who flattens them. Here a
group is M consecutive input channels at one place of the kernel: in channels_last, which tensor cores want, these lie
side by side, so `weight.permute(0, 2, 3, 1).flatten(1)` is N:M in its rows. Flattened as C_in×kh×kw instead, a group
would reach over the ends of 3×3 kernels, and no library takes a convolution so.
"""

from collections.abc import Iterator
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from winnow.contract.results import Check
from winnow.lottery.pieces.weights import Weights
from winnow.lottery.selection import Mask, Masks, Scores, until_moved
from winnow.plan.counts import Counts

_Element = TypeVar("_Element", bound=np.generic)


class Groups(Weights):
    """Groups of `of` weights that keep `keep`. A tensor whose inputs are no multiple of `of` keeps everything."""

    def __init__(self, keep: int, of: int) -> None:
        self.keep = keep
        self.of = of

    def rounds(self, asked: Counts, parent: Masks, rounds: int) -> Iterator[partial[dict[str, Mask]]]:  # noqa: ARG002
        """At once; for a criterion in rounds, one weight of each group a round. `asked` follows from the groups."""
        first = self.of - 1 if rounds > 1 else self.keep
        return (partial(self._select, keep=keep) for keep in range(first, self.keep - 1, -1))

    def by_score(self, scores: Scores, ticket: Masks) -> dict[str, Mask]:
        """As many in each group."""
        full = {name: np.ones_like(mask) for name, mask in ticket.items()}
        return self._select(scores, full, self.keep)

    def shuffled(self, ticket: Masks, seed: int) -> dict[str, Mask]:
        """The positions inside each group permuted."""
        generator = torch.Generator().manual_seed(seed)
        movable = any(self._fits(mask) for mask in ticket.values())
        return until_moved(
            ticket, lambda: {name: self._permuted(mask, generator) for name, mask in ticket.items()}, movable
        )

    def whole(self, masks: Masks) -> tuple[Check, ...]:
        """Every group keeps exactly its number; what has no groups is named, and keeps everything."""
        kept = {name: _grouped(mask, self.of).sum(1) for name, mask in masks.items() if self._fits(mask)}
        others = [name for name, mask in masks.items() if not self._fits(mask)]
        torn = sum(int((found != self.keep).sum()) for found in kept.values())
        groups = sum(found.size for found in kept.values())
        text = f"{self.keep} of {self.of} kept in {groups - torn} of {groups} groups"
        if others:
            text += f"; not pruned, as {self.of} does not divide their inputs: {', '.join(others)}"
        ok = not torn and all(masks[name].all() for name in others)
        return (Check(name="groups_whole", ok=ok, evidence=text),)

    def _fits(self, mask: Mask) -> bool:
        return int(mask.shape[1]) % self.of == 0

    def _select(self, scores: Scores, masks: Masks, keep: int) -> dict[str, Mask]:
        """In each group the highest scores; of equal ones the first in position goes first. Pruned stays pruned."""
        return {
            name: self._highest(scores[name], mask, keep) if self._fits(mask) else mask.copy()
            for name, mask in masks.items()
        }

    def _highest(self, scores: NDArray[np.floating], mask: Mask, keep: int) -> Mask:
        live = _grouped(np.where(mask, scores, -np.inf), self.of)
        gone = np.argsort(live, axis=1, kind="stable")[:, : self.of - keep]
        kept = _grouped(mask, self.of).copy()
        np.put_along_axis(kept, gone, values=False, axis=1)
        return _ungrouped(kept, mask.shape)

    def _permuted(self, mask: Mask, generator: torch.Generator) -> Mask:
        if not self._fits(mask):
            return mask.copy()
        groups = _grouped(mask, self.of)
        order: NDArray[np.int64] = torch.rand(groups.shape, generator=generator).argsort(dim=1, stable=True).numpy()
        return _ungrouped(np.take_along_axis(groups, order, axis=1), mask.shape)


def _grouped(values: NDArray[_Element], of: int) -> NDArray[_Element]:
    """Out×in×… as groups×of: the inputs of one output at one place of the kernel, in a row."""
    return np.moveaxis(values, 1, -1).reshape(-1, of)


def _ungrouped(groups: Mask, shape: tuple[int, ...]) -> Mask:
    outputs, inputs, *kernel = shape
    return np.ascontiguousarray(np.moveaxis(groups.reshape(outputs, *kernel, inputs), -1, 1))
