"""Many hands on one database at once: claims, commits, settles, cancels, upkeep, from threads of their own."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from sqlalchemy import select

from tests.conformance.job_machine import Rows, end_of_events, wanted_and_rank
from tests.support.driver import Driver, prune, train, with_tables
from winnow.contract.resources import TERMINAL
from winnow.db.tables import attempts, events, job_units, jobs, units

WORKERS = 4
USERS = 3
SPECS = (train(), prune(0.36), prune(0.36, "random_mask"), prune(0.3, "random_reinit", replicates=2), prune(0.488))
SECONDS = 120


class Crowd:
    """Users, workers and upkeep; each of them stops when every job has ended, and an error of any is the test's."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.submitted = threading.Event()
        self.finished = threading.Event()
        self.deadline = time.monotonic() + SECONDS

    def go(self) -> None:
        with ThreadPoolExecutor(WORKERS + USERS + 1) as pool:
            using = [pool.submit(self.use, Random(seed)) for seed in range(USERS)]  # noqa: S311 - chance, no secret
            working = [pool.submit(self.work, Random(seed)) for seed in range(WORKERS)]  # noqa: S311 - the same
            keeping = pool.submit(self.upkeep)
            for one in using:
                one.result()
            self.submitted.set()
            for one in (*working, keeping):
                one.result()

    def use(self, chance: Random) -> None:
        for sent in chance.choices(SPECS, k=4):
            job_id = self.driver.submit({**sent, "seed": chance.randrange(2)})
            if chance.random() < 0.25:
                self.driver.cancel(job_id)

    def work(self, chance: Random) -> None:
        while not self.over():
            held = self.driver.claim(f"worker {threading.get_ident()}")
            if held is None:
                time.sleep(0.01)
                continue
            self.driver.start(held)
            if chance.random() < 0.2 or self.driver.heartbeat(held, chance.random()) == "stop":
                self.driver.release(held)
            else:
                self.driver.finish(held)

    def upkeep(self) -> None:
        while not self.over():
            last_round = self.submitted.is_set()
            self.driver.upkeep()
            if last_round and all(row.state in TERMINAL for row in self.driver.all(select(jobs))):
                self.finished.set()

    def over(self) -> bool:
        return self.finished.is_set() or time.monotonic() > self.deadline


@pytest.fixture
def driver(database_url: str):
    with with_tables(database_url) as database:
        yield Driver(database)


def test_a_crowd_leaves_the_rows_as_one_would(driver: Driver) -> None:
    """Nothing deadlocks, nothing is done twice, every job ends; a few are cancelled on the way."""
    crowd = Crowd(driver)
    crowd.go()
    assert crowd.finished.is_set()
    found = Rows(*(driver.all(select(table)) for table in (jobs, units, job_units, attempts)))
    assert {"succeeded", "cancelled"} == {row.state for row in found.jobs}
    done = Counter(row.unit_key for row in found.attempts if row.ending == "done")
    assert set(done.values()) == {1}
    assert set(done) == {row.key for row in found.units if row.state == "done"}
    wanted_and_rank(found)
    told = driver.all(select(events).order_by(events.c.job_id, events.c.seq))
    by_job = {row.id: [event.seq for event in told if event.job_id == row.id] for row in found.jobs}
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in by_job.values())
    numbers = {job_id: (len(seqs), seqs[0], seqs[-1]) for job_id, seqs in by_job.items()}
    end_of_events(found, {event.job_id: event for event in told}, numbers)
