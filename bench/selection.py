"""Global pruning to an exact count, beside a stable sort of the same scores.

    python bench/selection.py [--pairs 7] [--out docs/results/selection.md]

Eleven million scores in the layers of ResNet-18, many of them tied (rounded to 3 digits), 20 % to be masked at the
first level and 20 % of the survivors at the tenth. The other side ranks with `numpy.argsort(kind="stable")` and masks
the first so many: the plain way to an exact count with ties by position. Both give the same masks, which is checked in
every pair. In turn, one thread. Fails where the promise is broken.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from winnow.lottery.selection import Mask, Masks, Scores, select
from winnow.plan.counts import Counts

FASTER = 4.0
STAGES = ((64, 64), (64, 128), (128, 256), (256, 512))
LEVELS = (1, 10)


def shapes() -> dict[str, tuple[int, ...]]:
    """The prunable tensors of ResNet-18 at ten classes: 11.2 million weights."""
    found: dict[str, tuple[int, ...]] = {"conv1": (64, 3, 3, 3), "fc": (10, 512)}
    for stage, (inward, outward) in enumerate(STAGES):
        for number, channels in enumerate((inward, outward, outward, outward)):
            found[f"layer{stage}.{number}"] = (outward, channels, 3, 3)
        if inward != outward:
            found[f"layer{stage}.downsample"] = (outward, inward, 1, 1)
    return found


def scores() -> Scores:
    random = np.random.default_rng(0)
    return {name: np.abs(random.normal(size=shape)).round(3).astype(np.float32) for name, shape in shapes().items()}


def sorted_masks(scores: Scores, parent: Masks, total: int) -> dict[str, Mask]:
    """The same by a stable sort: masked weights rank lowest, then by score, then by position."""
    flat = np.concatenate([np.where(parent[name], values, np.float32(-1)).ravel() for name, values in scores.items()])
    kept = np.ones(flat.size, np.bool_)
    kept[np.argsort(flat, kind="stable")[:total]] = False
    ends = np.cumsum([values.size for values in scores.values()])[:-1]
    return {
        name: part.reshape(values.shape)
        for (name, values), part in zip(scores.items(), np.split(kept, ends), strict=True)
    }


def timed(work: Callable[[], dict[str, Mask]]) -> tuple[float, dict[str, Mask]]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def measured(level: int, pairs: int) -> list[float]:
    """How many times as long the sort takes, pair by pair."""
    given = scores()
    size = sum(values.size for values in given.values())
    dense = {name: np.ones(values.shape, np.bool_) for name, values in given.items()}
    before, total = (round(size * (1 - 0.8**depth)) for depth in (level - 1, level))
    parent = select(given, dense, Counts(before, None))
    ratios = []
    for _ in range(pairs):
        ours, masks = timed(lambda: select(given, parent, Counts(total, None)))
        theirs, expected = timed(lambda: sorted_masks(given, parent, total))
        if not all(np.array_equal(masks[name], mask) for name, mask in expected.items()):
            raise AssertionError("the masks differ")
        ratios.append(theirs / ours)
    return ratios


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--out", type=Path, help="Also write the page here.")
    options = parser.parse_args(arguments)
    size = sum(int(np.prod(shape)) for shape in shapes().values())
    lines = [
        "# Pruning 11 million weights to an exact count",
        "",
        f"Written by `bench/selection.py --pairs {options.pairs}` on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, numpy {np.__version__}. {size:,} scores with ties, one ranking.",
        "",
        "| level | stable sort ÷ `select`: median | least–most |",
        "|---:|---:|---:|",
    ]
    broken = False
    for level in LEVELS:
        ratios = measured(level, options.pairs)
        broken |= statistics.median(ratios) < FASTER
        lines.append(f"| {level} | {statistics.median(ratios):.1f} | {min(ratios):.1f}–{max(ratios):.1f} |")
    page = "\n".join([*lines, "", f"Promised: at least {FASTER:.0f} × faster. The masks are the same."]) + "\n"
    sys.stdout.write(page)
    if options.out:
        options.out.write_text(page)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
