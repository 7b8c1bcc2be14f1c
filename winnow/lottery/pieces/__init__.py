"""What is pruned at once, a file each: how to select by it, to shuffle it for a control, to check that it held."""

from collections.abc import Callable, Iterator
from typing import Protocol

from winnow.contract.recipes import Recipe
from winnow.contract.results import Check
from winnow.contract.specs.granularity import Granularity, SemiStructured, WholeChannels
from winnow.lottery.architectures import build
from winnow.lottery.pieces.channels import Channels
from winnow.lottery.pieces.coupling import coupling
from winnow.lottery.pieces.groups import Groups
from winnow.lottery.pieces.weights import Weights
from winnow.lottery.selection import Mask, Masks, Scores
from winnow.plan.counts import Counts

Selection = Callable[[Scores, Masks], dict[str, Mask]]
"""From scores and the masks so far to masks that prune more."""


class Pieces(Protocol):
    """Weights that go or stay together. Whatever is done with them, masks come in and masks go out."""

    def rounds(self, asked: Counts, parent: Masks, rounds: int) -> Iterator[Selection]:
        """What to select after each scoring, for a criterion that wants so many rounds, to what was asked for."""

    def by_score(self, scores: Scores, ticket: Masks) -> dict[str, Mask]:
        """From all weights as much as the ticket has in each layer, by other scores."""

    def shuffled(self, ticket: Masks, seed: int) -> dict[str, Mask]:
        """The ticket's masks with the places of its pieces permuted: as much in each layer, elsewhere."""

    def as_asked(self, masks: Masks, asked: Counts) -> Check:
        """That the masks are what was asked for."""

    def whole(self, masks: Masks) -> tuple[Check, ...]:
        """That no piece was torn."""

    def most_zeros(self, masks: Masks) -> int | None:
        """Masked weights once every piece has gone that can; None where all can."""


def pieces(granularity: Granularity | None, recipe: Recipe, masks: Masks) -> Pieces:
    """The pieces of a granularity in the network of a recipe; null is single weights.

    Of `masks` only the names count: a channel that reaches a tensor without one stays.
    """
    match granularity:
        case None:
            return Weights()
        case SemiStructured(keep=keep, of=of):
            return Groups(keep, of)
        case WholeChannels():
            return Channels(coupling(build(*recipe.network), (recipe.channels, *recipe.size), masks.keys()))
