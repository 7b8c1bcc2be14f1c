"""Jobs of several points, each with one level to look at: the test accuracy of each arm beside that of the others."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from winnow.cli.tables import ARMS
from winnow.contract.rows import ArmSummary
from winnow.contract.sheets import labels
from winnow.contract.specs.jobs import PlaceArm
from winnow.plan import Part

WIDTH, LEFT, RIGHT, ROW, HEAD, FOOT = 720, 150, 690, 24, 34, 34
CONTROLS = ("random_reinit", "random_mask", "reversed_mask", "mask_random")
UNPRUNED = ("dense", "no_mask")
STYLE = """
svg { color: #1f2328; } .ground { fill: #ffffff; } .grid { stroke: #d1d5db; }
.ticket { color: #0066aa; } .control { color: #c2410c; } .unpruned { color: #6b7280; }
@media (prefers-color-scheme: dark) {
  svg { color: #e6edf3; } .ground { fill: #0d1117; } .grid { stroke: #30363d; }
  .ticket { color: #58a6ff; } .control { color: #ff9e64; } .unpruned { color: #9ca3af; }
}
text { font: 13px system-ui, sans-serif; fill: currentColor; } .title { font-size: 15px; font-weight: 600; }
.name { font-weight: 600; } .end { text-anchor: end; } .middle { text-anchor: middle; }
.range { stroke: currentColor; stroke-width: 1.6; } .dot { fill: currentColor; }
"""
Arms = Mapping[PlaceArm, ArmSummary]


class Scale(NamedTuple):
    """From accuracies to pixels."""

    low: float
    high: float
    step: float

    def x(self, accuracy: float) -> float:
        """Pixels from the left; what is off the scale stays at its edge."""
        return LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, (accuracy - self.low) / (self.high - self.low)))


def panels(parts: Sequence[Part], title: str) -> str:
    """An SVG: a panel for each point, a line for each arm of its last level, means with their 95 % intervals.

    Points on the same test images have one scale.
    """
    arms = [_arms(part) for part in parts]
    scales = _scales(parts, arms)
    drawn, top = [f'<text class="title" x="16" y="24">{escape(title)}</text>'], 40
    for part, own, name, scale in zip(parts, arms, labels([part.at for part in parts]), scales, strict=True):
        drawn += _panel(own, "; ".join(_named(part, name)), scale, top)
        top += HEAD + ROW * len(own) + FOOT
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img">'
    ground = f'<rect width="{WIDTH}" height="{top}" class="ground"/>'
    return "\n".join([head, f"<title>{escape(title)}</title><style>{STYLE}</style>", ground, *drawn, "</svg>"]) + "\n"


def _arms(part: Part) -> Arms:
    found = part.levels[-1].arms if part.levels else {}
    return {arm: summary for arm in ARMS if (summary := found.get(arm)) is not None}


def _named(part: Part, values: Sequence[str]) -> Iterator[str]:
    for path, value in zip(part.at or {}, values, strict=True):
        yield f"{path}: {value}"


def _scales(parts: Sequence[Part], arms: Sequence[Arms]) -> list[Scale]:
    tested = [list(part.places.values())[-1].unit.dataset for part in parts]
    images = [(facts.fingerprint, facts.classes) if facts else None for facts in tested]
    ends: dict[object, list[float]] = {}
    for of, own in zip(images, arms, strict=True):
        ends.setdefault(of, []).extend(
            end for one in own.values() for end in (one.mean, one.low, one.high) if end is not None
        )
    return [_scale(ends[of]) for of in images]


def _scale(ends: Sequence[float]) -> Scale:
    span = max(ends) - min(ends)
    step = next((step for step in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1) if span / step <= 7), 0.2)
    return Scale(math.floor(min(ends) / step) * step, (math.floor(max(ends) / step) + 1) * step, step)


def _panel(arms: Arms, name: str, scale: Scale, top: int) -> Iterator[str]:
    bottom = top + HEAD + ROW * len(arms)
    yield f'<text class="name" x="16" y="{top + 20}">{escape(name)}</text>'
    for number in range(round(scale.low / scale.step), round(scale.high / scale.step) + 1):
        x = scale.x(number * scale.step)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top + HEAD - 4}" y2="{bottom}"/>'
        yield f'<text class="middle" x="{x:.1f}" y="{bottom + 17}">{100 * number * scale.step:.3g} %</text>'
    for place, (arm, summary) in enumerate(arms.items()):
        y = top + HEAD + ROW * place + ROW // 2 - 3
        kind = "control" if arm in CONTROLS else "unpruned" if arm in UNPRUNED else "ticket"
        yield f'<text class="end" x="{LEFT - 10}" y="{y + 4}">{ARMS[arm]}</text>'
        if summary.low is not None and summary.high is not None:
            ends = f'x1="{scale.x(summary.low):.1f}" x2="{scale.x(summary.high):.1f}"'
            yield f'<line class="range {kind}" y1="{y}" y2="{y}" {ends}/>'
        yield f'<circle class="dot {kind}" cx="{scale.x(summary.mean):.1f}" cy="{y}" r="4.2"/>'
