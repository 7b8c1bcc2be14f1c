"""What a pruning job's differences come to, in sentences: down to where tickets match, from where fresh weights fail.

By the rule of the verdicts: test accuracies paired by replicate, one-sided 95 % bounds of Student's t, from three
replicates on.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from differences import SCORES, by_replicate, difference

from winnow.contract.rows import TableRow
from winnow.plan.verdict import REPLICATES_NEEDED, Bounds, bounds


def claims(rows: Sequence[TableRow], images: int, margin: float) -> Iterator[str]:
    """Lines of Markdown, one for each score; nothing of fewer than three replicates.

    `margin` is what a matching ticket may lose, a share. Of levels, those that all replicates have come to.
    """
    for score, when in SCORES.items():
        tickets, fresh = (_beside(rows, arm, score, images) for arm in ("ticket", "random_reinit"))
        if tickets:
            best = max(tickets, key=lambda level: sum(tickets[level]))
            won = f"{difference(rows, best, 'dense', score, images)} points against it, at {_density(rows, best)}"
            most = f"the best of {len(tickets)} levels looked at is {won}"
            beaten = _beside(rows, "random_reinit", score, images, of="ticket")
            fallen = " and ".join((*_fallen(rows, fresh, "dense"), *_fallen(rows, beaten, "the ticket")))
            said = [_matching(rows, tickets, margin), most, *([f"fresh weights are {fallen}"] if fallen else [])]
            yield f"- {when.capitalize()}, {'; '.join(said)}."


def _matching(rows: Sequence[TableRow], tickets: Mapping[int, Bounds], margin: float) -> str:
    """The sparsest level whose ticket matches, and the denser ones where that cannot be said."""
    matching = [level for level in tickets if tickets[level].low > -margin]
    if not matching:
        return "no ticket can be said to match dense"
    without = [_density(rows, level) for level in tickets if level < matching[-1] and level not in matching]
    return f"tickets match dense down to {_density(rows, matching[-1])}" + (
        f" (but for {', '.join(without)}, where that cannot be said)" if without else ""
    )


def _fallen(rows: Sequence[TableRow], fresh: Mapping[int, Bounds], other: str) -> Iterator[str]:
    """From where on every level's fresh weights are behind."""
    below = list(takewhile(lambda level: fresh[level].high < 0, sorted(fresh, reverse=True)))
    if below:
        yield f"below {other} from {_density(rows, below[-1])} on"


def _density(rows: Sequence[TableRow], level: int) -> str:
    return next(f"{row.density:.1%}" for row in rows if (row.level, row.arm) == (level, "ticket"))


def _beside(rows: Sequence[TableRow], arm: str, score: str, images: int, of: str = "dense") -> Mapping[int, Bounds]:
    """Bounds of an arm − dense, or − another arm of the same level, by level."""
    found = {}
    for level in sorted({row.level for row in rows if row.arm == arm}):
        own, other = by_replicate(rows, level, arm, score), by_replicate(rows, 0 if of == "dense" else level, of, score)
        if own.keys() == other.keys() and len(own) >= REPLICATES_NEEDED:
            found[level] = bounds([own[one] for one in other], list(other.values()), images)
    return found
