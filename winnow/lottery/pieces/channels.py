"""Whole channels: a filter in every layer that makes a channel, and its slice in every layer that takes it in.

What is masked so can be cut out: nothing of a dead channel, its bias and its normalisation included, is read any more
(trap 30). A filter goes by its scores together, as in Li et al. 2017, arXiv:1608.08710, and with all that is coupled to
it, as in Fang et al. 2023, arXiv:2301.12900. Theirs are sums; here it is the mean over the channel's surviving weights,
because what is asked for is a number of weights: channels of all sizes compete by what is lost with each weight.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray

from winnow.contract.problems import Reason
from winnow.contract.results import Check
from winnow.lottery.pieces.coupling import STAYS, Coupling
from winnow.lottery.selection import Mask, Masks, Scores, until_moved
from winnow.lottery.workspace import UnitFailed
from winnow.plan.counts import Counts, in_rounds

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


class Channels:
    """The channels of a network. In each layer at least one stays, so that something goes through."""

    def __init__(self, coupling: Coupling) -> None:
        self.coupling = coupling

    def rounds(self, asked: Counts, parent: Masks, rounds: int) -> Iterator[partial[dict[str, Mask]]]:
        """The survivors fall exponentially; each round ends with the channel that reaches what it has to mask."""
        sizes = tuple((mask.size, int(mask.sum())) for mask in parent.values())
        return (partial(self._select, asked=counts.total) for counts in in_rounds(asked, sizes, rounds))

    def by_score(self, scores: Scores, ticket: Masks) -> dict[str, Mask]:
        """As many channels of each kind as the ticket keeps, so as many weights in each layer."""
        full = {name: np.ones_like(mask) for name, mask in ticket.items()}
        means, dead = self._means(scores, full), self._dead(ticket)
        for kind in self._kinds:
            lowest = kind[np.argsort(means[kind], kind="stable")]
            dead[lowest] = np.arange(len(kind)) < dead[kind].sum()
        return self._without(full, dead)

    def shuffled(self, ticket: Masks, seed: int) -> dict[str, Mask]:
        """Which channels of each kind are dead, permuted."""
        generator, dead = torch.Generator().manual_seed(seed), self._dead(ticket)
        full = {name: np.ones_like(mask) for name, mask in ticket.items()}

        def draw() -> dict[str, Mask]:
            moved = dead.copy()
            for kind in self._kinds:
                moved[kind] = dead[kind][torch.randperm(len(kind), generator=generator).numpy()]
            return self._without(full, moved)

        return until_moved(ticket, draw, movable=any(0 < dead[kind].sum() < len(kind) for kind in self._kinds))

    def as_asked(self, masks: Masks, asked: Counts) -> Check:
        """As many weights as asked for at least, and fewer if one of the channels came back."""
        dead, sizes = self._dead(masks), _Sizes(self.coupling, masks)
        found = sum(int((~mask).sum()) for mask in masks.values())
        fewer = sizes.masked_but_for_one(dead)
        text = f"asked {asked.total}, masked {found} in {int(dead.sum())} of {dead.size} channels"
        return Check(name="channels_as_asked", ok=found >= asked.total > min(fewer, default=-1), evidence=text)

    def whole(self, masks: Masks) -> tuple[Check, ...]:
        """What is masked is channels in all of their layers, and every layer keeps one."""
        dead = self._dead(masks)
        wanted = self._without({name: np.ones_like(mask) for name, mask in masks.items()}, dead)
        torn = [name for name, mask in masks.items() if (mask != wanted[name]).any()]
        empty = [name for name, mask in masks.items() if not mask.any()]
        text = f"{int(dead.sum())} of {dead.size} channels are masked, in all of their layers"
        text += f"; torn in {', '.join(torn)}" if torn else ""
        text += f"; nothing left in {', '.join(empty)}" if empty else ""
        return (Check(name="channels_whole", ok=not torn and not empty, evidence=text),)

    def most_zeros(self, masks: Masks) -> int:
        """Masked weights once every channel has gone that is not the last of a layer, in the order of position."""
        dead, sizes = self._dead(masks), _Sizes(self.coupling, masks)
        return int(sizes.masked_by_and_by(dead, sizes.removable(np.flatnonzero(~dead), dead))[-1])

    @cached_property
    def _kinds(self) -> list[Numbers]:
        """Channels that stand equally often in the same layers: they can change places, and no layer's count moves."""
        names = sorted(self.coupling.outputs.keys() | self.coupling.inputs.keys())
        places = np.concatenate(_occurrences(self.coupling, names))
        _, kind = np.unique(places, axis=1, return_inverse=True)
        return [np.flatnonzero(kind == number) for number in range(int(kind.max(initial=-1)) + 1)]

    def _select(self, scores: Scores, masks: Masks, asked: int) -> dict[str, Mask]:
        """Mask channels, those of lowest score first and of equal ones the first, until `asked` weights are masked.

        Raises UnitFailed where even all that can go are too few.
        """
        dead, sizes = self._dead(masks), _Sizes(self.coupling, masks)
        means = self._means(scores, masks)
        order = np.argsort(means, kind="stable")
        going = sizes.removable(order[~dead[order]], dead)
        reached = sizes.masked_by_and_by(dead, going)
        if reached[-1] < asked:
            raise UnitFailed(
                Reason.USER_ERROR,
                f"{asked} weights are to be masked in whole channels, but {reached[-1]} are when every channel that "
                "can go has gone. Ask for a lower sparsity, or prune single weights.",
            )
        dead[going[: int(np.searchsorted(reached, asked))]] = True
        return self._without(masks, dead)

    def _means(self, scores: Scores, masks: Masks) -> NDArray[np.float64]:
        """The mean score of each channel's surviving weights; 0 where none survive."""
        totals = self._totals({name: np.where(mask, scores[name], 0) for name, mask in masks.items()})
        return totals / np.maximum(self._totals(masks), 1)

    def _dead(self, masks: Masks) -> Flags:
        dead: Flags = self._totals(masks) == 0
        return dead

    def _totals(self, values: Scores | Masks) -> NDArray[np.float64]:
        """The sum over each channel's weights, each once, in the order of tensors and positions."""
        totals = np.zeros(self.coupling.channels + 1)
        for name, array in values.items():
            places = array.reshape(*array.shape[:2], -1).sum(2, dtype=np.float64)
            outputs, inputs = self._of(name, array.shape)
            np.add.at(totals, outputs, places.sum(1))
            np.add.at(totals, inputs, places.sum(0))
            both = outputs[:, None] == inputs  # where a layer's output and input are one channel: counted twice
            np.subtract.at(totals, np.broadcast_to(inputs, both.shape)[both], places[both])
        return totals[:-1]  # the last one, which STAYS names, is no channel

    def _without(self, masks: Masks, dead: Flags) -> dict[str, Mask]:
        gone, left = np.append(dead, False), {}
        for name, mask in masks.items():
            outputs, inputs = self._of(name, mask.shape)
            live = ~gone[outputs][:, None] & ~gone[inputs]
            left[name] = mask & live.reshape(*live.shape, *[1] * (mask.ndim - 2))
        return left

    def _of(self, name: str, shape: tuple[int, ...]) -> tuple[Numbers, Numbers]:
        return _numbers(self.coupling.outputs, name, shape[0]), _numbers(self.coupling.inputs, name, shape[1])


class _Sizes:
    """How much is masked in a network of these tensors when channels die. Only whole channels are masked in it."""

    def __init__(self, coupling: Coupling, masks: Masks) -> None:
        shapes = [mask.shape for mask in masks.values()]
        self.outputs, self.inputs = np.array([shape[:2] for shape in shapes], dtype=np.int64).T
        self.kernels = np.array([int(np.prod(shape[2:])) for shape in shapes], dtype=np.int64)
        self.rows, self.columns = _occurrences(coupling, list(masks))

    def removable(self, order: Numbers, dead: Flags) -> Numbers:
        """The channels in this order, without those that would be the last of a layer."""
        live, going = self.outputs - self.rows[:, dead].sum(1), []
        for channel in order.tolist():
            left = live - self.rows[:, channel]
            if left.all():
                live = left
                going.append(channel)
        return np.array(going, dtype=np.int64)

    def masked_by_and_by(self, dead: Flags, going: Numbers) -> Numbers:
        """Masked weights before the first of these goes, and after each."""
        zeros = np.zeros((len(self.outputs), 1), dtype=np.int64)
        rows, columns = (
            places[:, dead].sum(1, keepdims=True) + np.hstack([zeros, places[:, going].cumsum(1)])
            for places in (self.rows, self.columns)
        )
        return self._masked(rows, columns)

    def masked_but_for_one(self, dead: Flags) -> list[int]:
        """Masked weights if each of the dead alone came back."""
        rows, columns = (
            places[:, dead].sum(1, keepdims=True) - places[:, dead] for places in (self.rows, self.columns)
        )
        return [int(count) for count in self._masked(rows, columns)]

    def _masked(self, rows: Numbers, columns: Numbers) -> Numbers:
        """Dead outputs and inputs of each tensor, in a column for each case → masked weights in each case."""
        live = (self.outputs[:, None] - rows) * (self.inputs[:, None] - columns)
        whole = self.outputs * self.inputs
        masked: Numbers = (self.kernels[:, None] * (whole[:, None] - live)).sum(0)
        return masked


def _occurrences(coupling: Coupling, names: list[str]) -> tuple[Numbers, Numbers]:
    """How often each channel (columns) is an output and an input of each tensor (rows)."""
    rows, columns = (
        [np.bincount(_numbers(table, name, 0) + 1, minlength=coupling.channels + 1)[1:] for name in names]
        for table in (coupling.outputs, coupling.inputs)
    )
    return np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)


def _numbers(table: Mapping[str, Numbers], name: str, length: int) -> Numbers:
    return table[name] if name in table else np.full(length, STAYS)
