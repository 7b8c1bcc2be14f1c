"""What a claim costs with 10,000 units ready, divided by what it costs with 10: SQLite and Postgres.

    PYTHONPATH=. python bench/claim.py [--pairs 11] [--out docs/results/claim.md]

The units are those of real jobs of 100 replicates each. In turn, five claims where few are ready and five where many
are, given back untimed; a pair is ten such turns and compares the medians. Timed twice: the claim alone (the statement
on `units`, the attempt's row, what the runner needs), and with its transaction, whose commit waits for the disk on
SQLite. Postgres is started by the script, without durability. Fails where the promise (median of the ratios of the
claim alone at most 1.5) is broken.
"""

import argparse
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
from sqlalchemy import Connection, func, select

from tests.support.driver import Driver, prune, with_tables
from tests.support.servers import Postgres, libpq_url
from winnow.db.tables import CLAIMABLE
from winnow.jobs.claim import Room, claim
from winnow.jobs.lease import Claim

FEW, MANY = 10, 10_000
REPLICATES = 100
CLAIMS, TURNS = 5, 10
RATIO = 1.5


class Cost(NamedTuple):
    """Milliseconds, medians: of the claim alone, and with its transaction."""

    alone: float
    whole: float


class Pair(NamedTuple):
    """The same number of claims with few units ready and with many."""

    few: Cost
    many: Cost

    @property
    def ratio(self) -> float:
        """Of the claim alone."""
        return self.many.alone / self.few.alone


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    found: dict[str, list[Pair]] = {}
    with tempfile.TemporaryDirectory(prefix="winnow-claim-") as folder, Postgres(Path(folder)) as server:
        sqlite = [f"sqlite:///{folder}/{name}.db" for name in ("few", "many")]
        found[f"SQLite {sqlite3.sqlite_version}"] = measure(sqlite, asked.pairs)
        found[f"Postgres {version(server.url)}"] = measure(list(databases(server.url)), asked.pairs)
    text = report(found, asked.pairs)
    sys.stdout.write(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    return 0 if all(statistics.median(p.ratio for p in pairs) <= RATIO for pairs in found.values()) else 1


def measure(urls: Sequence[str], pairs: int) -> list[Pair]:
    """Claims on two databases in turn."""
    with ExitStack() as stack:
        few, many = (Driver(stack.enter_context(with_tables(url))) for url in urls)
        fill(few, FEW)
        fill(many, MANY)
        for driver in (few, many):
            claims(driver)  # connections, caches
        return [pair(few, many) for _ in range(pairs)]


def fill(driver: Driver, ready: int) -> None:
    """Jobs whose first units, one a replicate, are all that is ready."""
    driver.register()
    for seed in range(max(1, ready // REPLICATES)):
        driver.submit(prune(0.2, replicates=min(ready, REPLICATES), seed=seed))
    counted = driver.read(lambda conn: conn.scalar(select(func.count()).where(CLAIMABLE)))
    assert counted == ready, counted  # noqa: S101 - a measurement of something else would be worse than none


def pair(few: Driver, many: Driver) -> Pair:
    """Turns of both; the median of all claims of each."""
    turns = [(claims(few), claims(many)) for _ in range(TURNS)]
    return Pair(*(median([cost for turn in turns for cost in turn[side]]) for side in (0, 1)))


def claims(driver: Driver) -> list[Cost]:
    """Some claims, one transaction each; what they took is given back afterwards."""
    held: list[Claim] = []
    costs = [timed(driver, held) for _ in range(CLAIMS)]
    for one in held:
        driver.release(one)
    return costs


def timed(driver: Driver, held: list[Claim]) -> Cost:
    """One claim."""

    def alone(conn: Connection) -> float:
        begun = time.perf_counter()
        found = claim(conn, worker="one", room=Room("cpu", 1))
        took = time.perf_counter() - begun
        assert found is not None  # noqa: S101 - as above
        held.append(found)
        return took

    begun = time.perf_counter()
    took = driver.write(alone)
    return Cost(1000 * took, 1000 * (time.perf_counter() - begun))


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(cost.alone for cost in costs), statistics.median(cost.whole for cost in costs))


def databases(url: str) -> Iterator[str]:
    for name in ("few", "many"):
        with psycopg.connect(libpq_url(url), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        yield f"{url.rpartition('/')[0]}/{name}"


def version(url: str) -> str:
    with psycopg.connect(libpq_url(url)) as connection:
        return str(connection.info.parameter_status("server_version"))


def report(found: dict[str, list[Pair]], pairs: int) -> str:
    lines = [
        "# What a claim costs with many units ready",
        "",
        f"`PYTHONPATH=. python bench/claim.py --pairs {pairs}`",
        "",
        f"{platform.machine()}, Python {platform.python_version()}. {MANY:,} units ready beside {FEW}; "
        f"{pairs} pairs of {CLAIMS * TURNS} claims each. Milliseconds are medians over the pairs.",
        "",
        f"| database | {FEW} ready | {MANY:,} ready | ratio: median | range | with transaction: {FEW} | {MANY:,} |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, measured in found.items():
        ratios = [one.ratio for one in measured]
        few, many = (median([one[side] for one in measured]) for side in (0, 1))
        lines.append(
            f"| {name} | {few.alone:.2f} | {many.alone:.2f} | {statistics.median(ratios):.2f} | "
            f"{min(ratios):.2f}–{max(ratios):.2f} | {few.whole:.2f} | {many.whole:.2f} |"
        )
    return "\n".join([*lines, "", f"Promised: the median ratio of the claim alone at most {RATIO}.", ""])


if __name__ == "__main__":
    sys.exit(main())
