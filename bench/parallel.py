"""What a second worker gains: twelve independent units, one slot a worker, with one worker and with two.

    PYTHONPATH=. python bench/parallel.py [--units 12] [--epochs 40] [--rounds 2] [--out docs/results/parallel.md]

Each unit trains `digits_cnn` on digits with another seed. Runners are warm: every worker has done a unit before the
clock starts, which runs from the first submission to the last end, by the service's own times. Rounds alternate, so
that what else the machine does falls on both; the best of each counts. Also told: how soon a second worker, started
beside a busy one, takes work. Fails where a promise is broken.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.service import Service, embedded
from winnow.client import Client
from winnow.contract.units import TORCH_RELEASE

RATIO, SECONDS_TO_WORK = 0.6, 5.0
SEEDS = count()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="winnow-parallel-") as folder:
        one, two, joined = measure(Path(folder), asked.units, asked.epochs, asked.rounds)
    text = report(asked, one, two, joined)
    sys.stdout.write(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    return 0 if min(two) / min(one) <= RATIO and joined <= SECONDS_TO_WORK else 1


def measure(folder: Path, units: int, epochs: int, rounds: int) -> tuple[list[float], list[float], float]:
    """Seconds for all units with one worker and with two, per round, and until a second worker had work."""
    one, two, joined = [], [], []
    with Service(embedded(folder), folder) as service, service.client() as client:
        service.add_worker("first", slots=1)
        finish(client, submit(client, 1, 1))
        for _ in range(rounds):
            one.append(finish(client, submit(client, units, epochs)))
            busy = submit(client, 2, epochs=2000)
            wait_for(client, busy[0])
            began = time.monotonic()
            second = service.add_worker("second", slots=1)
            wait_for(client, busy[1])
            joined.append(time.monotonic() - began)
            for name in busy:
                client.cancel(name)
            finish(client, submit(client, 4, 1))
            two.append(finish(client, submit(client, units, epochs)))
            second.stop()
    return one, two, max(joined)


def submit(client: Client, jobs: int, epochs: int) -> list[str]:
    spec: dict[str, Any] = {"kind": "train", "dataset": "digits", "model": "digits_cnn", "train": {"epochs": epochs}}
    return [client.submit(spec | {"seed": next(SEEDS)}).id for _ in range(jobs)]


def wait_for(client: Client, job: str) -> None:
    while client.job(job).state == "queued":
        time.sleep(0.02)


def finish(client: Client, names: Sequence[str]) -> float:
    """Wait for all of them; the seconds from the first that was made to the last that ended."""
    jobs = [list(client.follow(name))[-1] for name in names]
    failed = [job.id for job in jobs if job.state != "succeeded" or job.finished_at is None]
    if failed:
        raise SystemExit(f"not done: {failed}")
    ends = [job.finished_at for job in jobs if job.finished_at]
    return (max(ends) - min(job.created_at for job in jobs)).total_seconds()


def report(asked: argparse.Namespace, one: Sequence[float], two: Sequence[float], joined: float) -> str:
    def row(name: str, seconds: Sequence[float]) -> str:
        return f"| {name} | {min(seconds):.1f} s | {', '.join(f'{s:.1f}' for s in seconds)} |"

    return f"""# Two workers beside each other

`PYTHONPATH=. python bench/parallel.py --units {asked.units} --epochs {asked.epochs} --rounds {asked.rounds}`

{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {TORCH_RELEASE} on the CPU.
{asked.units} units that do not wait for each other, each training `digits_cnn` for {asked.epochs} epochs; one slot a
worker, runners warm. Load average over the last minute, this script's own work included: {os.getloadavg()[0]:.1f}.

| | best | rounds |
|---|---|---|
{row("one worker", one)}
{row("two workers", two)}

Two ÷ one: {min(two) / min(one):.2f} (promised: at most {RATIO}). A second worker, started beside a busy one, had work
{joined:.1f} s after its process began (promised: {SECONDS_TO_WORK:.0f} s).
"""


if __name__ == "__main__":
    sys.exit(main())
