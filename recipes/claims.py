"""What a pruning job's differences come to, in sentences: down to where tickets match, from where fresh weights fail.

By the rule of the verdicts: test accuracies paired by replicate, one-sided 95 % bounds of Student's t, from three
replicates on.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from differences import SCORES, by_replicate, difference

from winnow.contract.results import TableRow
from winnow.plan.verdict import REPLICATES_NEEDED, Bounds, bounds


def claims(rows: Sequence[TableRow], images: int, margin: float) -> Iterator[str]:
    """Lines of Markdown, one for each score; nothing of fewer than three replicates.

    `margin` is what a matching ticket may lose, a share. Of levels, those that all replicates have come to.
    """
    for score, when in SCORES.items():
        tickets, fresh = (_beside_dense(rows, arm, score, images) for arm in ("ticket", "random_reinit"))
        if tickets:
            best = max(tickets, key=lambda level: sum(tickets[level]))
            won = f"{difference(rows, best, 'dense', score, images)} points, at {_density(rows, best)}"
            most = f"the most that they win, of {len(tickets)} levels looked at, is {won}"
            yield f"- {when.capitalize()}, {_matching(rows, tickets, margin)}; {most}{_fallen(rows, fresh)}."


def _matching(rows: Sequence[TableRow], tickets: Mapping[int, Bounds], margin: float) -> str:
    """Down to where every level's ticket matches."""
    matching = list(takewhile(lambda level: tickets[level].low > -margin, tickets))
    return (
        f"tickets match dense down to {_density(rows, matching[-1])}" if matching else "the first ticket does not match"
    )


def _fallen(rows: Sequence[TableRow], fresh: Mapping[int, Bounds]) -> str:
    """From where on every level's fresh weights are behind."""
    below = list(takewhile(lambda level: fresh[level].high < 0, sorted(fresh, reverse=True)))
    return f"; fresh weights are below dense from {_density(rows, below[-1])} on" if below else ""


def _density(rows: Sequence[TableRow], level: int) -> str:
    return next(f"{row.density:.1%}" for row in rows if (row.level, row.arm) == (level, "ticket"))


def _beside_dense(rows: Sequence[TableRow], arm: str, score: str, images: int) -> Mapping[int, Bounds]:
    """Bounds of an arm − dense, by level."""
    dense = by_replicate(rows, 0, "dense", score)
    found = {}
    for level in sorted({row.level for row in rows if row.arm == arm}):
        own = by_replicate(rows, level, arm, score)
        if own.keys() == dense.keys() and len(own) >= REPLICATES_NEEDED:
            found[level] = bounds([own[one] for one in dense], list(dense.values()), images)
    return found
