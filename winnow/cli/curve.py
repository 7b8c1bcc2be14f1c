"""Accuracy over density as an SVG: the picture that lottery-ticket papers draw. Readable in light and in dark."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from winnow.contract.rows import ArmSummary, LevelRow
from winnow.contract.specs.jobs import Arm

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 700, 56, 384
STEPS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Of accuracy, between two lines of the grid."""
LEAST_ROOM = 0.05
"""Above and below the means, as far as intervals reach."""
NAMES: dict[Arm, str] = {
    "ticket": "ticket",
    "random_reinit": "reinit: the same mask on fresh weights",
    "random_mask": "random mask",
    "reversed_mask": "reversed mask: the smallest weights",
    "fine_tuned": "fine-tuned: the mask on trained weights",
    "dense": "dense",
}
STYLE = """
svg { color: #1f2328; } .ground { fill: #ffffff; } .grid { stroke: #d1d5db; }
.dense { color: #6b7280; } .ticket { color: #0066aa; }
.random_reinit { color: #c2410c; } .random_mask { color: #0f7b57; }
.reversed_mask { color: #8250df; } .fine_tuned { color: #9a6700; }
@media (prefers-color-scheme: dark) {
  svg { color: #e6edf3; } .ground { fill: #0d1117; } .grid { stroke: #30363d; }
  .dense { color: #9ca3af; } .ticket { color: #58a6ff; }
  .random_reinit { color: #ff9e64; } .random_mask { color: #5fd7a7; }
  .reversed_mask { color: #d2a8ff; } .fine_tuned { color: #e3b341; }
}
text { font: 13px system-ui, sans-serif; fill: currentColor; } .title { font-size: 15px; font-weight: 600; }
.end { text-anchor: end; } .middle { text-anchor: middle; }
.line { fill: none; stroke: currentColor; stroke-width: 2; } .dot { fill: currentColor; }
.range { stroke: currentColor; stroke-width: 1.2; opacity: 0.6; }
"""
# Dashes as well as colours, so that the curves differ without them.
# Intervals stand beside each other, not over each other.
SHIFT: dict[Arm, int] = {"random_reinit": -3, "random_mask": 3, "reversed_mask": -6, "fine_tuned": 6}
DASHES: dict[Arm, str] = {
    "random_reinit": "6 3",
    "random_mask": "2 3",
    "reversed_mask": "1 4",
    "fine_tuned": "8 2 2 2",
    "dense": "10 4",
}


@dataclass(frozen=True)
class Scale:
    """From densities and accuracies to pixels: density on a logarithm, all weights at the left."""

    sparsest: float
    low: float
    high: float
    step: float

    def x(self, density: float) -> float:
        """Pixels from the left."""
        return LEFT + (RIGHT - LEFT) * math.log(density) / math.log(self.sparsest)

    def y(self, accuracy: float) -> float:
        """Pixels from the top; what is off the scale stays at its edge."""
        share = (accuracy - self.low) / (self.high - self.low)
        return BOTTOM - (BOTTOM - TOP) * min(1.0, max(0.0, share))


def curve(levels: Sequence[LevelRow], title: str) -> str:
    """The mean test accuracy of each arm over the density of its level, with 95 % intervals over replicates.

    Raises ValueError for fewer than two levels, which make no curve.
    """
    if len(levels) < 2:
        raise ValueError("a curve wants two levels at least")
    scale = _scale(levels)
    arms: list[Arm] = [arm for arm in NAMES if any(row.arms.get(arm) for row in levels)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" class="ground"/>',
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>',
        *_axes(scale),
        *(part for arm in arms for part in _arm(arm, levels, scale)),
        *(part for place, arm in enumerate(reversed(arms)) for part in _legend(arm, place)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _scale(levels: Sequence[LevelRow]) -> Scale:
    found = [summary for row in levels for summary in row.arms.values() if summary]
    means = [summary.mean for summary in found]
    room = max(max(means) - min(means), LEAST_ROOM)  # for intervals: of two replicates they may be all there is
    lowest = max(min(means) - room, min(summary.mean if summary.low is None else summary.low for summary in found))
    highest = min(max(means) + room, max(summary.mean if summary.high is None else summary.high for summary in found))
    step = next((step for step in STEPS if (highest - lowest) / step <= 4), 0.2)
    low = (math.floor(lowest / step) - 1) * step  # a step below, where the legend has room
    high = math.ceil(highest / step) * step
    return Scale(min(row.density for row in levels), max(0.0, low), min(1.0, high), step)


def _axes(scale: Scale) -> Iterable[str]:
    for number in range(round(scale.low / scale.step), round(scale.high / scale.step) + 1):
        accuracy = number * scale.step
        y = scale.y(accuracy)
        yield f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{100 * accuracy:.3g} %</text>'
    for density in _densities(scale.sparsest):
        x = scale.x(density)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{BOTTOM}"/>'
        yield f'<text class="middle" x="{x:.1f}" y="{BOTTOM + 20}">{100 * density:.3g} %</text>'
    yield f'<text class="middle" x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 14}">weights left (logarithmic)</text>'
    yield f'<text x="{LEFT}" y="{TOP - 10}">test accuracy</text>'


def _densities(sparsest: float) -> list[float]:
    rounds = [digit * 10.0**power for power in range(0, -7, -1) for digit in (5, 2, 1)]
    return [density for density in rounds if sparsest * 0.999 <= density <= 1]


def _arm(arm: Arm, levels: Sequence[LevelRow], scale: Scale) -> Iterable[str]:
    points = [(row.density, summary) for row in levels if (summary := _of_network(arm, row))]
    dashes = f' stroke-dasharray="{DASHES[arm]}"' if arm in DASHES else ""
    places = " ".join(f"{scale.x(density):.1f},{scale.y(summary.mean):.1f}" for density, summary in points)
    yield f'<polyline class="line {arm}"{dashes} points="{places}"/>'
    if arm == "dense":
        return  # one network, measured once: its interval stands at the ticket's first point
    for density, summary in points:
        x, y = scale.x(density), scale.y(summary.mean)
        if summary.low is not None and summary.high is not None:
            ends = f'y1="{scale.y(summary.low):.1f}" y2="{scale.y(summary.high):.1f}"'
            beside = x + SHIFT.get(arm, 0)
            yield f'<line class="range {arm}" x1="{beside:.1f}" x2="{beside:.1f}" {ends}/>'
        yield f'<circle class="dot {arm}" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>'


def _of_network(arm: Arm, row: LevelRow) -> ArmSummary | None:
    """Level 0 is the dense network, from which the ticket's curve starts."""
    return row.arms.get("dense" if arm == "ticket" and row.level == 0 else arm)


def _legend(arm: Arm, place: int) -> Iterable[str]:
    y = BOTTOM - 20 * (place + 1) + 8
    dashes = f' stroke-dasharray="{DASHES[arm]}"' if arm in DASHES else ""
    yield f'<line class="line {arm}"{dashes} x1="{LEFT + 12}" x2="{LEFT + 44}" y1="{y}" y2="{y}"/>'
    yield f'<text x="{LEFT + 52}" y="{y + 4}">{NAMES[arm]}</text>'
