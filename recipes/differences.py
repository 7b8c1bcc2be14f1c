"""What a pruning job's arms differ by, replicate for replicate: of a page its second table, and the line above it.

Ticket minus another arm, in points of test accuracy, at the last step and at the step of lowest validation loss, with
two-sided 95 % intervals (Student's t; a deviation of less than one image counts as one).
"""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import NamedTuple

from winnow.contract.rows import TableRow
from winnow.contract.sheets import labels, swept, values
from winnow.plan.students_t import t_quantile

AGAINST = {"dense": "ticket − dense", "random_reinit": "ticket − fresh weights", "random_mask": "ticket − random mask"}
SCORES = {"test_accuracy": "at the end", "test_accuracy_at_lowest_validation_loss": "at lowest validation loss"}


class Difference(NamedTuple):
    """Mean over replicates, and half its interval; none of one replicate."""

    mean: float
    half: float | None

    def __str__(self) -> str:
        """In points."""
        return f"{100 * self.mean:+.2f}" + ("" if self.half is None else f" ± {100 * self.half:.2f}")


def differences(rows: Sequence[TableRow], images: int) -> Iterator[str]:
    """Lines of Markdown: nothing where no level has a ticket beside another arm."""
    levels = sorted({row.level for row in rows if row.arm == "ticket"})
    arms = [arm for arm in AGAINST if any(row.arm == arm for row in rows)]
    if not levels or not arms:
        return
    columns = [f"{AGAINST[arm]}, {when}" for when in SCORES.values() for arm in arms]
    yield "| density | " + " | ".join(columns) + " |"
    yield "|---:|" + "---:|" * len(columns)
    for level in levels:
        density = next(row.density for row in rows if row.level == level and row.arm == "ticket")
        cells = [difference(rows, level, arm, score, images) for score in SCORES for arm in arms]
        yield f"| {density:.2%} | " + " | ".join("–" if cell is None else str(cell) for cell in cells) + " |"


def difference(rows: Sequence[TableRow], level: int, arm: str, score: str, images: int) -> Difference | None:
    """Ticket minus the arm at a level; none where no replicate has both."""
    others = by_replicate(rows, 0 if arm == "dense" else level, arm, score)
    return paired(by_replicate(rows, level, "ticket", score), others, images)


def between_points(rows: Sequence[TableRow], images: int) -> Iterator[str]:
    """Lines of Markdown: of a sweep whose points have tickets, each point's last one against the first point's."""
    points = list(dict.fromkeys(values(row.at) for row in rows if row.arm == "ticket"))
    if len(points) < 2:
        return
    tickets = {point: [row for row in rows if row.arm == "ticket" and values(row.at) == point] for point in points}
    last = {point: max(row.level for row in own) for point, own in tickets.items()}
    yield "| " + " | ".join((*swept(row.at for row in rows), *SCORES.values())) + " |"
    yield "|" + "---|" * (len(points[0]) + len(SCORES))
    called = labels([next(row.at for row in tickets[point]) for point in points])
    for point, name in zip(points[1:], called[1:], strict=True):
        cells = (
            paired(
                by_replicate(tickets[point], last[point], "ticket", score),
                by_replicate(tickets[points[0]], last[points[0]], "ticket", score),
                images,
            )
            for score in SCORES
        )
        yield "| " + " | ".join(map(str, (*name, *cells))) + " |"


def paired(first: Mapping[int, float], second: Mapping[int, float], images: int) -> Difference | None:
    """The mean of first − second over the replicates that have both."""
    found = [first[replicate] - second[replicate] for replicate in first.keys() & second.keys()]
    if not found:
        return None
    if len(found) == 1:
        return Difference(found[0], None)
    reach = t_quantile(0.975, len(found) - 1) * max(stdev(found), 1 / images) / sqrt(len(found))
    return Difference(fmean(found), reach)


def by_replicate(rows: Sequence[TableRow], level: int, arm: str, score: str) -> dict[int, float]:
    """An arm's scores at a level, of the replicates that have one."""
    return {
        row.replicate: getattr(row, score)
        for row in rows
        if (row.level, row.arm) == (level, arm) and getattr(row, score) is not None
    }
