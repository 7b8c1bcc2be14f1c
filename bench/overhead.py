"""What the service adds: a digits job of 24 units of about a second each, through rows, objects and a warm runner.

    python bench/overhead.py [--rounds 5] [--seconds 1.0] [--out docs/results/overhead.md]

Held against the loop of `winnow run` (`winnow.lottery.local.run_job`) in a process that has loaded torch already, which
is the stricter way: the command itself takes some seconds more to start. SQLite, a folder of objects, a folder of
messages, one worker with one slot. The two take turns, so that what else the machine does falls on both; each round is
another seed, so that nothing is found done. Fails where the promise (median of the ratios at most 1.25) is broken.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.workers import Service
from winnow.contract.units import TORCH_RELEASE

RATIO = 1.25
UNITS = 24
JOB_SECONDS = 600.0

LOOP = """
import json, os, sys, tempfile, time
from pathlib import Path
from winnow.lottery.numerics import environment
os.environ.update(environment(1))
from tests.support.workers import resolved
from winnow.lottery.local import run_job
from winnow.lottery.units import Warm
warm = Warm(None)
for line in sys.stdin:
    with tempfile.TemporaryDirectory() as folder:
        job = resolved(json.loads(line))
        begun = time.perf_counter()
        run_job(job, Path(folder), warm, lambda status: None)
        print(time.perf_counter() - begun, flush=True)
"""


class Round(NamedTuple):
    """One job both ways: seconds, and the median of the seconds between two units of the service."""

    alone: float
    service: float
    between: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long a unit should take")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="winnow-overhead-") as folder, Alone() as alone:
        steps = calibrated(alone, asked.seconds)
        rounds = measure(Path(folder) / "home", alone, steps, asked.rounds)
    text = report(rounds, steps)
    sys.stdout.write(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    return 0 if statistics.median(one.service / one.alone for one in rounds) <= RATIO else 1


def job(seed: int, steps: int, replicates: int = UNITS // 3) -> dict[str, Any]:
    """Three units a replicate: train, level, control."""
    return {
        "kind": "prune",
        "dataset": "digits",
        "model": "lenet_300_100",
        "target": {"sparsity": 0.5},
        "train": {"steps": steps},
        "method": {"schedule": "one_shot"},
        "arms": ["ticket", "random_reinit"],
        "replicates": replicates,
        "seed": seed,
    }


class Alone:
    """The loop of `winnow run` in a warm process."""

    def __enter__(self) -> "Alone":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([sys.executable, "-c", LOOP], **pipes, text=True)
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.communicate()

    def seconds(self, spec: dict[str, Any]) -> float:
        """How long a job takes."""
        print(json.dumps(spec), file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def calibrated(alone: Alone, seconds: float) -> int:
    """Steps that make a unit last so long here."""
    alone.seconds(job(0, 100, replicates=1))
    few, many = (alone.seconds(job(1, steps, replicates=1)) / 3 for steps in (200, 1000))
    return max(200, round(200 + 800 * (seconds - few) / (many - few)))


def measure(home: Path, alone: Alone, steps: int, rounds: int) -> list[Round]:
    """Both ways in turn."""
    service = Service(
        home, f"sqlite:///{home / 'winnow.db'}", (home / "store").as_uri(), f"filesystem://{home / 'bell'}"
    )
    try:
        service.start_worker()
        service.finished(service.submit(job(2, 100, replicates=1)), JOB_SECONDS)
        found = []
        for seed in range(10, 10 + rounds):
            seconds = alone.seconds(job(seed, steps))
            found.append(Round(seconds, *through(service, job(seed, steps))))
            sys.stderr.write(f"{found[-1]}\n")
    finally:
        service.close()
    return found


def through(service: Service, spec: dict[str, Any]) -> tuple[float, float]:
    """Seconds from submission to the end, and between units, by the rows' own times."""
    begun = time.perf_counter()
    job_id = service.submit(spec)
    planned = time.perf_counter() - begun
    row = service.finished(job_id, JOB_SECONDS)
    mine = {unit.key for unit in service.units(job_id)}
    tries = [attempt for attempt in service.attempts() if attempt.unit_key in mine]
    if len(tries) != UNITS:
        raise SystemExit(f"{len(tries)} tries for {UNITS} units")
    between = statistics.median(after.started_at - before.ended_at for before, after in pairwise(tries))
    return planned + row.finished_at - row.created_at, between


def report(rounds: Sequence[Round], steps: int) -> str:
    ratios = [one.service / one.alone for one in rounds]
    rows = "\n".join(
        f"| {number} | {one.alone:.1f} | {one.service:.1f} | {one.service / one.alone:.3f} | {one.between * 1000:.0f} |"
        for number, one in enumerate(rounds, 1)
    )
    return f"""# What the service adds

`python bench/overhead.py --rounds {len(rounds)}`

{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {TORCH_RELEASE} on the CPU.
A digits job of {UNITS} units (`lenet_300_100`, {steps} steps each) in the loop of `winnow run`, torch loaded, and
through a worker with one slot, runner warm: SQLite, a folder of objects, a folder of messages. Seconds.

| round | `winnow run` | service | ratio | between two units, ms |
|---|---|---|---|---|
{rows}

Ratio: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f} (promised: at most {RATIO}).
"""


if __name__ == "__main__":
    sys.exit(main())
