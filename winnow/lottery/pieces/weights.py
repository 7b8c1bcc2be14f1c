"""Single weights: each goes or stays by itself."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from winnow.contract.results import Check
from winnow.lottery.selection import Mask, Masks, Scores, select, shuffled
from winnow.plan.counts import Counts, in_rounds


class Weights:
    """Single weights, to an exact count."""

    def rounds(self, asked: Counts, parent: Masks, rounds: int) -> Iterator[partial[dict[str, Mask]]]:
        """The survivors fall exponentially to what was asked for."""
        sizes = tuple((mask.size, int(mask.sum())) for mask in parent.values())
        return (partial(select, counts=counts) for counts in in_rounds(asked, sizes, rounds))

    def by_score(self, scores: Scores, ticket: Masks) -> dict[str, Mask]:
        """As many in each layer as the ticket keeps."""
        counts = tuple(int((~mask).sum()) for mask in ticket.values())
        full = {name: np.ones_like(mask) for name, mask in ticket.items()}
        return select(scores, full, Counts(sum(counts), counts))

    def shuffled(self, ticket: Masks, seed: int) -> dict[str, Mask]:
        """The positions of each tensor permuted."""
        return shuffled(ticket, seed)

    def as_asked(self, masks: Masks, asked: Counts) -> Check:
        """The count is exact, in all and in each tensor with a quota. Layers with nothing left are named (trap 26)."""
        found = tuple(int((~mask).sum()) for mask in masks.values())
        ok = sum(found) == asked.total and asked.by_tensor in (None, found)
        gone = [name for name, mask in masks.items() if not mask.any()]
        note = f"; nothing left in {', '.join(gone)}" if gone else ""
        return Check(name="zeros_as_asked", ok=ok, evidence=f"asked {asked.total}, masked {sum(found)}{note}")

    def whole(self, _masks: Masks) -> tuple[Check, ...]:
        """A single weight cannot be torn."""
        return ()

    def most_zeros(self, _masks: Masks) -> None:
        """All can go."""
