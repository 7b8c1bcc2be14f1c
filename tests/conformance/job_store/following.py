"""How far a job is, and what is settled late."""

import pytest
from sqlalchemy import select, update

from tests.support.driver import Driver, prune, train
from winnow.contract.results import Line
from winnow.db.clock import now
from winnow.db.tables import TENANT, events, job_units, models, units
from winnow.db.tables import jobs as jobs_table
from winnow.jobs import read
from winnow.jobs.progress import progress
from winnow.jobs.settle import settle
from winnow.jobs.start import missed_starts, started


class Following:
    """How far a job is, and what is settled late."""

    def test_upkeep_settles_what_a_dead_worker_committed(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.2))
        jobs.commit(jobs.take())
        assert jobs.claim() is None
        jobs.upkeep()
        assert jobs.work() == 1
        assert jobs.state(job_id) == "succeeded"

    def test_upkeep_starts_a_job_whose_worker_did_not_say_so(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        jobs.claim()
        assert jobs.state(job_id) == "queued"
        assert jobs.read(missed_starts) == [job_id]
        jobs.upkeep()
        assert jobs.state(job_id) == "running"
        assert not jobs.write(started, job_id), "once"

    def test_settling_twice_changes_nothing(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.36, "random_mask"))
        jobs.finish(jobs.take())
        before = jobs.job(job_id), jobs.all(select(units)), jobs.all(select(job_units)), jobs.all(select(events))
        jobs.write(settle, job_id)
        after = jobs.job(job_id), jobs.all(select(units)), jobs.all(select(job_units)), jobs.all(select(events))
        assert after == before

    def test_progress_counts_what_runs_and_never_falls(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.2))
        seen = []

        def look() -> None:
            seen.append(jobs.read(lambda conn: progress(conn, read.job(conn, TENANT, job_id))).fraction)

        held = jobs.take()
        look()
        jobs.heartbeat(held, 0.5)
        look()
        jobs.lose(held)
        jobs.no_backoff()
        again = jobs.take()
        jobs.heartbeat(again, 0.1)
        look()
        assert jobs.commit(again)
        look()
        jobs.upkeep()
        look()
        jobs.work()
        look()
        assert seen == [0.0, 0.25, 0.25, 0.5, 0.5, 1.0]

    def test_it_neither_falls_nor_stands_at_1_where_results_decide_how_many_units_there_are(self, jobs: Driver) -> None:
        method = {"schedule": {"name": "iterative", "rate": 0.5}, "rewind": "auto"}
        target = {"max_accuracy_drop": 20}
        job_id = jobs.submit(prune(0.5, "random_mask") | {"target": target, "method": method})
        seen, kinds = [], []
        while (held := jobs.claim()) is not None:
            jobs.start(held)
            found, kind = jobs.result(held.unit), held.unit.kind
            lost = found.metrics.validation.model_copy(update={"correct": 0})  # by the third level all accuracy is gone
            worse = found.metrics.model_copy(update={"validation": lost})
            line = Line(correct=(90, 90 if kinds.count("stability") else 40, 90), images=100, statistics_images=0)
            changes = {"line": line} if kind == "stability" else {"metrics": worse} if held.unit.level == 3 else {}
            jobs.finish(held, **changes)
            seen.append(jobs.read(lambda conn: progress(conn, read.job(conn, TENANT, job_id))).fraction)
            kinds.append(kind)
        assert seen == sorted(seen)
        assert seen[-2] < 1 == seen[-1]
        assert kinds == ["train", "stability", "stability", "train", *["level"] * 3, *["control"] * 3]
        row = jobs.job(job_id)
        assert row.state == "succeeded"
        assert (row.result["target"]["level"], row.result["target_reached"]) == (2, True)
        assert [one["stable"] for one in row.result["rewind"]["tried"]] == [False, True]
        assert len(jobs.all(select(models))) == 5  # the dense network twice, of which one searched; three levels

    def test_the_time_left_goes_by_what_was_done_since_the_start(self, jobs: Driver) -> None:
        jobs.submit(prune(0.2))
        jobs.work()
        job_id = jobs.submit(prune(0.488))  # four units, two of them there
        held = jobs.take()
        jobs.heartbeat(held, 1.0)
        with jobs.database.write() as conn:
            conn.execute(update(jobs_table).where(jobs_table.c.id == job_id).values(started_at=now() - 100))
        left = jobs.read(lambda conn: progress(conn, read.job(conn, TENANT, job_id))).eta_seconds
        assert left == pytest.approx(100, abs=5)

    def test_a_job_says_what_it_waits_for(self, jobs: Driver) -> None:
        waiting = jobs.submit(train(), resource="gpu")
        queued = jobs.submit(train())
        large = jobs.submit(train(threads=8, processes=2))
        jobs.register("two", cores=15)
        for job_id, *expected in ((waiting, "worker", None), (queued, "slot", None), (large, "worker", 16)):
            said = jobs.read(lambda conn, i=job_id: read.waiting(conn, read.job(conn, TENANT, i)))
            assert said is not None
            assert [said.waits_for, said.cores] == expected
        jobs.register("three", cores=16)
        said = jobs.read(lambda conn: read.waiting(conn, read.job(conn, TENANT, large)))
        assert (said.waits_for, said.cores) == ("slot", None)
        jobs.take()
        assert jobs.read(lambda conn: read.waiting(conn, read.job(conn, TENANT, queued))) is None

    def test_a_job_on_gpus_waits_for_a_worker_whose_slots_have_as_many(self, jobs: Driver) -> None:
        job_id = jobs.submit(train(processes=2, threads=4), resource="gpu")
        said = []
        for name, cores, gpus in (("two", 64, 1), ("three", 4, 2), ("four", 8, 2)):
            jobs.register(name, resource="gpu", cores=cores, gpus_a_slot=gpus)
            said.append(jobs.read(lambda conn: read.waiting(conn, read.job(conn, TENANT, job_id))))
        assert [(one.waits_for, one.cores, one.gpus) for one in said] == [
            ("worker", 8, 2),
            ("worker", 8, 2),
            ("slot", None, None),
        ]
