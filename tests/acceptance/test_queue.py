"""Jobs wait their turn in order, each with an honest place in the queue; a second worker takes work at once."""

import time
from pathlib import Path
from typing import Any

from tests.support.service import Service, embedded
from winnow.client import Client
from winnow.contract.resources import TERMINAL, Job


def train(seed: int, epochs: int) -> dict[str, Any]:
    return {"kind": "train", "dataset": "digits", "model": "digits_cnn", "train": {"epochs": epochs}, "seed": seed}


def in_order(client: Client, ids: list[str]) -> list[Job]:
    """One look at all jobs (they come in one transaction), in the order in which they were submitted."""
    seen = {job.id: job for job in client.jobs()}
    return [seen[name] for name in ids]


def check_places(jobs: list[Job]) -> None:
    """Those that wait are the last ones, and their places are 1, 2, 3, …; nobody else has one."""
    waiting = [job for job in jobs if job.state == "queued"]
    assert jobs[len(jobs) - len(waiting) :] == waiting
    assert [job.queue_position for job in waiting] == list(range(1, len(waiting) + 1))
    assert all(job.queue_position is None for job in jobs if job.state != "queued")
    assert sum(job.state == "running" for job in jobs) <= 1


def test_five_jobs_on_one_worker_wait_their_turn(tmp_path: Path) -> None:
    with Service(embedded(tmp_path), tmp_path) as service, service.client() as client:
        ids = [client.submit(train(seed, epochs=2)).id for seed in range(5)]
        jobs = in_order(client, ids)
        assert [job.queue_position for job in jobs] == [1, 2, 3, 4, 5]
        assert {job.waiting.waits_for for job in jobs if job.waiting} == {"worker"}

        service.add_worker("only", slots=1)
        places = set()
        deadline = time.monotonic() + 120
        while not all(job.state in TERMINAL for job in jobs):
            assert time.monotonic() < deadline, service.log()[-4000:]
            check_places(jobs)
            places.add(tuple(job.queue_position for job in jobs))
            time.sleep(0.05)
            jobs = in_order(client, ids)

        assert [job.state for job in jobs] == ["succeeded"] * 5
        starts = [job.started_at for job in jobs if job.started_at]
        ends = [job.finished_at for job in jobs if job.finished_at]
        assert starts == sorted(starts)
        assert ends == sorted(ends)
        assert len(places) >= 4, "the places were never seen to move"


def test_a_second_worker_takes_work_within_five_seconds(tmp_path: Path) -> None:
    with Service(embedded(tmp_path), tmp_path) as service, service.client() as client:
        service.add_worker("first", slots=1)
        ids = [client.submit(train(seed, epochs=400)).id for seed in range(2)]
        first = next(job for job in client.follow(ids[0]) if job.state == "running")
        second = client.job(ids[1])
        assert (first.id, second.state, second.queue_position) == (ids[0], "queued", 1)
        assert second.waiting is not None
        assert second.waiting.waits_for == "slot"

        service.add_worker("second", slots=1)
        there = time.monotonic()
        while client.job(ids[1]).state == "queued":
            assert time.monotonic() - there < 5, service.log()[-4000:]
            time.sleep(0.05)

        assert {worker.id: worker.busy for worker in client.workers()} == {"first": 1, "second": 1}
        for name in ids:
            client.cancel(name)
