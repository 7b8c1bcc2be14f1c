"""A transfer swept over one number, such as the share of the images: what it wins, and where that ends.

A picture of the losses while training goes on, a panel for each value; a table of what is won, paired by replicate; and
where the two lines cross.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from statistics import fmean

from differences import paired

from winnow.contract.results import Point, UnitResult
from winnow.contract.rows import TableRow
from winnow.plan import Part

ARMS = {"no_mask": "carried over", "mask_random": "fresh"}
LINES = {"validation_loss": "", "train_loss": "3 3"}
COLUMNS, WIDTH, HEIGHT, GAP, TOP = 4, 210, 150, 34, 80
STYLE = """
svg { color: #1f2328; } .ground { fill: #ffffff; } .frame { fill: none; stroke: #d1d5db; }
.no_mask { color: #0066aa; } .mask_random { color: #c2410c; }
@media (prefers-color-scheme: dark) {
  svg { color: #e6edf3; } .ground { fill: #0d1117; } .frame { stroke: #30363d; }
  .no_mask { color: #58a6ff; } .mask_random { color: #ff9e64; }
}
text { font: 12px system-ui, sans-serif; fill: currentColor; } .title { font-size: 15px; font-weight: 600; }
.end { text-anchor: end; } polyline { fill: none; stroke: currentColor; stroke-width: 1.6; }
"""
Curves = Mapping[str, Sequence[Point]]


def number(part: Part) -> float | None:
    """The one number that a point stands for, if it is one."""
    values = list((part.at or {}).values())
    return float(values[0]) if len(values) == 1 and isinstance(values[0], int | float) else None


def crossing(rows: Sequence[TableRow], images: int) -> Iterator[str]:
    """Lines of Markdown: what is won at each value, then where it is nothing any more."""
    values = sorted({float(next(iter(row.at.values()))) for row in rows if row.at and row.arm in ARMS})
    yield "| value | carried over | fresh | difference |"
    yield "|---:|---:|---:|---:|"
    won = []
    for value in values:
        carried, fresh = ({row.replicate: row.test_accuracy or 0.0 for row in _of(rows, value, arm)} for arm in ARMS)
        found = paired(carried, fresh, images)
        if found is not None:
            won.append((value, found.mean))
            both = carried.keys() & fresh.keys()
            means = (f"{100 * fmean(one[replicate] for replicate in both):.2f}" for one in (carried, fresh))
            yield f"| {value:g} | {' | '.join(means)} | {found} |"
    yield ""
    yield _said(won)


def _said(won: Sequence[tuple[float, float]]) -> str:
    for (value, gain), (following, later) in pairwise(won):
        if gain > 0 >= later or gain < 0 <= later:
            place = value + (following - value) * gain / (gain - later)
            return (
                f"The lines cross near {place:.2g}: by the means, on a straight line from {value:g} to {following:g}."
            )
    return "The lines do not cross in this range."


def _of(rows: Sequence[TableRow], value: float, arm: str) -> list[TableRow]:
    return [row for row in rows if row.arm == arm and row.at and float(next(iter(row.at.values()))) == value]


def panels(parts: Sequence[Part], results: Mapping[str, UnitResult], title: str) -> str:
    """An SVG: for each value the mean losses of both arms over the training, validation solid and training dotted."""
    curves = [(number(part), _curves(part, results)) for part in parts]
    losses = [point.values[name] for _, own in curves for line in own.values() for point in line for name in LINES]
    lowest, highest = min(losses, default=0.1), max(losses, default=1.0)
    down = -(-len(curves) // COLUMNS)
    width, height = COLUMNS * (WIDTH + GAP) + GAP, TOP + down * (HEIGHT + GAP) + 10
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f'<title>{escape(title)}</title><style>{STYLE}</style><rect width="{width}" height="{height}" class="ground"/>',
        f'<text class="title" x="{GAP}" y="22">{escape(title)}</text>',
        f'<text x="{GAP}" y="38">Loss over a training, {lowest:.2g} to {highest:.2g} by its logarithm.</text>',
        *_legend(),
    ]
    for place, (value, own) in enumerate(curves):
        left, top = GAP + place % COLUMNS * (WIDTH + GAP), TOP + place // COLUMNS * (HEIGHT + GAP)
        drawn += [
            f'<rect class="frame" x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}"/>',
            f'<text class="end" x="{left + WIDTH - 6}" y="{top + 16}">{value:g}</text>',
            *_lines(own, left, top, (lowest, highest)),
        ]
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _legend() -> Iterator[str]:
    words = [(arm, dots, f"{said}, {name.split('_')[0]}") for arm, said in ARMS.items() for name, dots in LINES.items()]
    for place, (arm, dots, said) in enumerate(words):
        x = GAP + place * 190
        yield f'<polyline class="{arm}" stroke-dasharray="{dots}" points="{x},58 {x + 28},58"/>'
        yield f'<text x="{x + 34}" y="62">{said}</text>'


def _lines(own: Curves, left: int, top: int, ends: tuple[float, float]) -> Iterator[str]:
    lowest, highest = map(math.log, ends)
    span = highest - lowest or 1.0
    for arm, line in own.items():
        last = max(point.step for point in line)
        for name, dots in LINES.items():
            places = (
                (left + WIDTH * point.step / last, top + HEIGHT * (highest - math.log(point.values[name])) / span)
                for point in line
            )
            drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            yield f'<polyline class="{arm}" stroke-dasharray="{dots}" points="{drawn}"/>'


def _curves(part: Part, results: Mapping[str, UnitResult]) -> Curves:
    """The mean over replicates of each arm's curve."""
    found = {}
    for arm in ARMS:
        lines = [
            [point for point in results[key].curve if "train_loss" in point.values]
            for key, place in part.places.items()
            if place.arm == arm and key in results
        ]
        if any(lines):
            found[arm] = [_mean(points) for points in zip(*lines, strict=True)]
    return found


def _mean(points: Sequence[Point]) -> Point:
    values = {name: fmean(point.values[name] for point in points) for name in LINES}
    return Point(step=points[0].step, values=values)
