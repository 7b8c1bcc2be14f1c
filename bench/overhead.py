"""What the service adds: a digits job of 24 units of about a second each, through rows, objects and a warm runner.

    PYTHONPATH=. python bench/overhead.py [--rounds 5] [--seconds 1.0] [--out docs/results/overhead.md]

Held against the loop of `winnow run` (`winnow.lottery.local.run_job`) in a process that has loaded torch already, which
is the stricter way: the command itself takes some seconds more to start. SQLite, a folder of objects, a folder of
messages, one worker with one slot. The two take turns, so that what else the machine does falls on both; each round is
another seed, so that nothing is found done. Processor seconds are told too: on a machine that others use they say more
than the clock. Fails where the promise (median of the ratios at most 1.25) is broken.
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

import psutil

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
        begun = time.perf_counter(), time.process_time()
        run_job(job, Path(folder), warm, lambda status: None)
        print(time.perf_counter() - begun[0], time.process_time() - begun[1], flush=True)
"""


class Took(NamedTuple):
    """Seconds by the clock, and of the processor."""

    clock: float
    processor: float


class Round(NamedTuple):
    """One job both ways, and the median of the seconds between two units of the service."""

    alone: Took
    service: Took
    between: float

    @property
    def ratio(self) -> float:
        """What is promised."""
        return self.service.clock / self.alone.clock


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
    return 0 if statistics.median(one.ratio for one in rounds) <= RATIO else 1


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

    def takes(self, spec: dict[str, Any]) -> Took:
        """How long a job takes."""
        print(json.dumps(spec), file=self.process.stdin, flush=True)
        return Took(*map(float, self.process.stdout.readline().split()))


def calibrated(alone: Alone, seconds: float) -> int:
    """Steps that make a unit last so long here."""
    alone.takes(job(0, 100, replicates=1))
    few, many = (alone.takes(job(1, steps, replicates=1)).clock / 3 for steps in (200, 1000))
    return max(200, round(200 + 800 * (seconds - few) / (many - few)))


def measure(home: Path, alone: Alone, steps: int, rounds: int) -> list[Round]:
    """Both ways in turn."""
    service = Service(
        home, f"sqlite:///{home / 'winnow.db'}", (home / "store").as_uri(), f"filesystem://{home / 'bell'}"
    )
    try:
        worker = psutil.Process(service.start_worker().process.pid)
        service.finished(service.submit(job(2, 100, replicates=1)), JOB_SECONDS)
        found = []
        for seed in range(10, 10 + rounds):
            took = alone.takes(job(seed, steps))
            before = processor_seconds(worker)
            clock, between = through(service, job(seed, steps))
            found.append(Round(took, Took(clock, processor_seconds(worker) - before), between))
            sys.stderr.write(f"{found[-1]}\n")
    finally:
        service.close()
    return found


def processor_seconds(worker: psutil.Process) -> float:
    """Of the worker and of its runner, so far."""
    times = [process.cpu_times() for process in (worker, *worker.children())]
    return sum(time.user + time.system for time in times)


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
    ratios = [one.ratio for one in rounds]
    rows = "\n".join(
        f"| {number} | {one.alone.clock:.1f} | {one.service.clock:.1f} | {one.ratio:.3f} "
        f"| {one.alone.processor:.1f} | {one.service.processor:.1f} | {one.between * 1000:.0f} |"
        for number, one in enumerate(rounds, 1)
    )
    processor = statistics.median(one.service.processor / one.alone.processor for one in rounds)
    return f"""# What the service adds

`PYTHONPATH=. python bench/overhead.py --rounds {len(rounds)}`

{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {TORCH_RELEASE} on the CPU.
A digits job of {UNITS} units (`lenet_300_100`, {steps} steps each) in the loop of `winnow run`, torch loaded, and
through a worker with one slot, runner warm: SQLite, a folder of objects, a folder of messages. Seconds by the clock,
of the processor (worker and runner together, which two cores do side by side), and between two units.

| round | `winnow run` | service | ratio | `winnow run`, processor | service, processor | between, ms |
|---|---|---|---|---|---|---|
{rows}

Ratio: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f} (promised: at most {RATIO}); of
processor seconds {processor:.3f}.
"""


if __name__ == "__main__":
    sys.exit(main())
