"""Pruning once: scores, and as many of the lowest masked as were asked for."""

from collections.abc import Callable

import numpy as np

from winnow.contract.catalog.criteria import CRITERIA
from winnow.contract.problems import Reason
from winnow.contract.specs.pruning import Criterion
from winnow.lottery.criteria import criterion
from winnow.lottery.pieces import Pieces
from winnow.lottery.pieces.weights import Weights
from winnow.lottery.scoring import Subject
from winnow.lottery.selection import Mask, Scores
from winnow.lottery.workspace import UnitFailed
from winnow.plan.counts import Counts

SINGLE = Weights()


def prune(
    subject: Subject, choice: Criterion, asked: Counts, beat: Callable[[], None], pieces: Pieces = SINGLE
) -> dict[str, Mask]:
    """The subject's masks with `asked` masked, in whole pieces; what was masked stays so.

    A criterion that prunes in rounds scores again after each; `beat` is called in between. Raises UnitFailed for a
    score that is no number.
    """
    score, masks = criterion(choice.name), dict(subject.masks)
    for number, selected in enumerate(pieces.rounds(asked, masks, CRITERIA[choice.name].rounds)):
        if number:
            beat()
        scores = score(subject.under(masks))
        _check_finite(choice.name, scores)
        masks = selected(scores, masks)
    return masks


def _check_finite(name: str, scores: Scores) -> None:
    broken = [tensor for tensor, values in scores.items() if not np.isfinite(values).all()]
    if broken:
        raise UnitFailed(
            Reason.USER_ERROR,
            f"The criterion {name} gives scores that are no finite numbers in {broken[0]}: nothing can be ranked by "
            "them. Take another criterion, or a network that is trained less wildly.",
        )
