"""Who gets which unit next, and who is there to ask."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import update

from tests.support.driver import Driver, prune, train
from winnow.contract.problems import Conflict
from winnow.db.tables import workers
from winnow.jobs import read, upkeep
from winnow.jobs import workers as registry
from winnow.jobs.claim import Room
from winnow.jobs.lose import take_back


class Claiming:
    """Who gets which unit next, and who is there to ask."""

    def test_jobs_wait_their_turn_and_chains_go_before_controls(self, jobs: Driver) -> None:
        ordered = [jobs.submit(prune(0.36, "random_mask", replicates=2, seed=seed)) for seed in (1, 2)]
        assert [jobs.read(read.queue_position, jobs.job(job_id)) for job_id in ordered] == [1, 2]
        worked_on = []
        while held := jobs.claim():
            jobs.finish(held)
            worked_on.append((held.unit.inputs.recipe.seed, held.unit.kind))
        kinds = ["train"] * 2 + ["level"] * 4 + ["control"] * 4
        assert worked_on == [(seed, kind) for seed in (1, 2) for kind in kinds]

    def test_a_shared_unit_has_the_rank_of_the_best_job(self, jobs: Driver) -> None:
        other = jobs.submit(train(seed=1))
        jobs.submit(train(seed=2))
        jobs.cancel(other)
        jobs.submit(train(seed=1))
        seeds = [jobs.take().unit.inputs.recipe.seed for _ in range(2)]
        assert seeds == [2, 1], "the cancelled job lends its place to nobody"

    def test_a_claim_fits_resource_and_cores(self, jobs: Driver) -> None:
        jobs.submit(train(threads=4))
        jobs.submit(train(threads=2, processes=2))
        jobs.submit(train(threads=2, seed=1))
        jobs.submit(train(), resource="gpu")
        assert jobs.claim(room=Room("cpu", 1)) is None
        held = jobs.claim(room=Room("cpu", 2))
        assert held is not None
        assert (held.unit.inputs.threads, held.unit.inputs.resource) == (2, "cpu")
        on_gpu = jobs.claim(room=Room("gpu", 1, 1))
        assert on_gpu is not None
        assert on_gpu.unit.inputs.resource == "gpu"
        assert jobs.claim(room=Room("cpu", 3)) is None

    def test_a_unit_of_several_processes_on_gpus_is_claimed_by_slots_that_have_as_many(self, jobs: Driver) -> None:
        jobs.submit(train(processes=4), resource="gpu")
        jobs.submit(train(processes=2), resource="gpu")
        jobs.submit(train(), resource="gpu")
        found = [jobs.claim(room=Room("gpu", 64, gpus)) for gpus in (0, 3, 3, 3, 4)]
        assert [held and held.unit.processes for held in found] == [None, 2, 1, None, 4]

    def test_a_unit_is_claimed_once(self, jobs: Driver) -> None:
        jobs.submit(train())
        assert jobs.claim() is not None
        assert jobs.claim("two") is None

    def test_a_name_is_held_by_one_live_worker(self, jobs: Driver) -> None:
        with pytest.raises(Conflict, match="one"):
            jobs.register(session="another")
        assert [(row.id, row.busy) for row in jobs.read(registry.live)] == [("one", 0)]
        assert jobs.write(registry.gone, "one", "run of one")
        assert jobs.read(registry.live) == []
        jobs.register(session="another")
        assert not jobs.write(registry.seen, "one", "run of one"), "the first run hears that it was replaced"
        assert jobs.write(registry.seen, "one", "another")

    def test_of_workers_that_begin_at_one_moment_under_a_name_one_gets_it(self, jobs: Driver) -> None:
        together = Barrier(6)

        def begin(run: int) -> bool:
            together.wait()
            try:
                jobs.register("two", session=f"run {run}")
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(begin, range(6))) == 1
        assert [row.id for row in jobs.read(registry.live)] == ["one", "two"]

    def test_a_worker_not_seen_for_a_lease_is_dead(self, jobs: Driver) -> None:
        with jobs.database.write() as conn:
            conn.execute(update(workers).values(last_seen=workers.c.last_seen - 31))
        assert jobs.read(registry.live) == []
        jobs.register(session="another")

    def test_a_restarted_worker_takes_back_the_leases_of_its_predecessor(self, jobs: Driver) -> None:
        jobs.submit(train())
        jobs.submit(train(seed=1))
        jobs.register("two")
        mine, other = jobs.take(), jobs.take("two")
        assert jobs.read(registry.live)[0].busy == 1
        assert jobs.register(session="another", dead="run of one") == 1
        assert jobs.heartbeat(mine) == "lost"
        assert jobs.heartbeat(other) == "go"
        assert jobs.unit(mine.unit.key).losses == 1
        assert jobs.write(take_back, "one") == 0

    def test_the_bell_rings_where_work_and_a_free_slot_meet(self, jobs: Driver) -> None:
        assert jobs.read(upkeep.claimable) == []
        jobs.submit(train())
        jobs.submit(train(seed=1))
        jobs.submit(train(), resource="gpu")
        assert jobs.read(upkeep.claimable) == ["cpu"], "no worker has a GPU"
        jobs.register("two", resource="gpu")
        assert jobs.read(upkeep.claimable) == ["cpu", "gpu"]
        jobs.take()
        assert jobs.read(upkeep.claimable) == ["gpu"], "the one slot is busy"
