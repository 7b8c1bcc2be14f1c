"""What a deeper job costs after a shallower one: units and seconds, beside the same job on its own.

    python bench/deeper.py [--epochs 20] [--pairs 3] [--out docs/results/deeper.md]

`digits_cnn` on digits at one half a level. Each pair is a folder of its own: first to 93 %, then to 98 % on what is
there; and to 98 % from nothing. One process, one thread, alternating.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

SHALLOW, DEEP = 0.93, 0.98


class Run(NamedTuple):
    """Units trained by one run, and its seconds without the process's start."""

    units: int
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    after, alone = [], []
    for _ in range(asked.pairs):
        with tempfile.TemporaryDirectory(prefix="winnow-deeper-") as folder:
            shared, fresh = Path(folder) / "shared", Path(folder) / "fresh"
            run(shared, SHALLOW, asked.epochs)
            after.append(run(shared, DEEP, asked.epochs))
            alone.append(run(fresh, DEEP, asked.epochs))
    text = report(asked, after, alone)
    sys.stdout.write(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    return 0


def run(out: Path, sparsity: float, epochs: int) -> Run:
    """`winnow run` to this sparsity, over what lies in the folder already."""
    spec: dict[str, Any] = {
        "kind": "prune",
        "dataset": "digits",
        "model": "digits_cnn",
        "target": {"sparsity": sparsity},
        "train": {"epochs": epochs},
        "method": {"schedule": {"name": "iterative", "rate": 0.5}},
        "arms": ["ticket"],
        "replicates": 1,
    }
    before = finished(out)
    began = time.time()
    command = [sys.executable, "-m", "winnow.cli", "run", "-", "--out", str(out), "--json"]
    subprocess.run(command, input=json.dumps(spec), text=True, check=True, capture_output=True)
    new = [path for path in (out / "units").glob("*/result.json") if path.parent.name not in before]
    # From the first new result back by its own training time: what loading torch takes is the same on both sides.
    ends = sorted(path.stat().st_mtime for path in new)
    first = min(new, key=lambda path: path.stat().st_mtime)
    start = max(began, ends[0] - json.loads(first.read_text())["seconds"])
    return Run(len(new), ends[-1] - start)


def finished(out: Path) -> set[str]:
    return {path.parent.name for path in (out / "units").glob("*/result.json")}


def report(asked: argparse.Namespace, after: Sequence[Run], alone: Sequence[Run]) -> str:
    ratios = [a.seconds / b.seconds for a, b in zip(after, alone, strict=True)]
    return f"""# A deeper job after a shallower one

Written by `bench/deeper.py`: `digits_cnn` on digits, {asked.epochs} epochs, one half a level, {asked.pairs} pairs.

| to {DEEP:.0%} | units trained | seconds, median (range) |
|---|---|---|
| from nothing | {alone[0].units} | {spread([one.seconds for one in alone])} |
| after a job to {SHALLOW:.0%} | {after[0].units} | {spread([one.seconds for one in after])} |

Time after ÷ time from nothing: {spread(ratios)}; units {after[0].units} ÷ {alone[0].units}.

The job to {SHALLOW:.0%} ends off the grid of the rate: its cut level is a leaf, and the deeper job goes on from the
last full-rate level that both share.
"""


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


if __name__ == "__main__":
    raise SystemExit(main())
