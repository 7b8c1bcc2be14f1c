"""Heartbeats, losses, checkpoints and releases: what is lost costs time and nothing else."""

from sqlalchemy import select

from tests.support.driver import Driver, train
from winnow.contract.results import FileRef, Point
from winnow.contract.values import sha256_hex
from winnow.db.tables import attempts, files
from winnow.jobs import read
from winnow.jobs.lose import MOST_LOSSES


class Leases:
    """Heartbeats, losses, checkpoints and releases: what is lost costs time and nothing else."""

    def test_nothing_passes_the_fence_of_a_lost_lease(self, jobs: Driver) -> None:
        jobs.submit(train())
        lost = jobs.take()
        assert jobs.lose(lost) == 1
        jobs.no_backoff()
        held = jobs.take("two")
        assert held.attempt == lost.attempt + 1
        before = jobs.unit(held.unit.key)
        assert jobs.heartbeat(lost, 0.9, Point(step=1, values={"loss": 1.0})) == "lost"
        assert not jobs.checkpoint(lost, 7)
        assert not jobs.commit(lost)
        assert not jobs.fail(lost)
        assert not jobs.release(lost)
        assert not jobs.crash(lost)
        assert jobs.unit(held.unit.key) == before
        assert jobs.all(select(files)) == []
        jobs.finish(held)
        assert not jobs.commit(held), "done once"

    def test_a_heartbeat_renews_the_lease_and_keeps_curves(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        held = jobs.take()
        jobs.set_unit(held.unit.key, lease_until=0.0)
        points = [Point(step=step, values={"loss": 1.0 / step}) for step in (1, 2)]
        assert jobs.heartbeat(held, 0.25, points[0]) == "go"
        assert jobs.heartbeat(held, 0.5, *points) == "go", "a point that was sent already stays"
        assert jobs.lose() == 0
        assert jobs.read(read.curves_of, job_id) == {held.unit.key: points}

    def test_curves_of_a_second_attempt_go_on_from_the_first(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        first = jobs.take()
        jobs.heartbeat(first, 0.5, *(Point(step=step, values={"loss": 1.0}) for step in (1, 2, 3)))
        jobs.lose(first)
        jobs.no_backoff()
        second = jobs.take()
        jobs.heartbeat(second, 0.6, *(Point(step=step, values={"loss": 0.5}) for step in (3, 4)))
        curve = jobs.read(read.curves_of, job_id)[second.unit.key]
        assert [(p.step, p.values["loss"]) for p in curve] == [(1, 1.0), (2, 1.0), (3, 0.5), (4, 0.5)]

    def test_a_lost_unit_waits_a_little_longer_each_time(self, jobs: Driver) -> None:
        jobs.submit(train())
        waits = []
        for _ in range(MOST_LOSSES - 1):
            held = jobs.take()
            jobs.lose(held)
            assert jobs.claim() is None, "not at once"
            waits.append(jobs.unit(held.unit.key).not_before)
            jobs.no_backoff()
        assert waits == sorted(waits)
        assert [row.ending for row in jobs.all(select(attempts))] == ["lost"] * (MOST_LOSSES - 1)

    def test_the_third_loss_in_a_row_is_suspected_poison(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        for _ in range(MOST_LOSSES):
            jobs.lose(jobs.take())
            jobs.no_backoff()
        assert jobs.claim() is None
        jobs.upkeep()
        row = jobs.job(job_id)
        assert (row.state, row.reason, row.error["attempt"]) == ("failed", "suspected_poison", MOST_LOSSES)

    def test_a_runner_that_dies_is_a_loss(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        for _ in range(MOST_LOSSES):
            held = jobs.take()
            assert jobs.crash(held)
            assert not jobs.crash(held), "once"
            jobs.no_backoff()
        jobs.settle(held)
        assert jobs.job(job_id).reason == "suspected_poison"

    def test_a_new_checkpoint_ends_the_row_of_losses(self, jobs: Driver) -> None:
        jobs.submit(train())
        for step in range(1, MOST_LOSSES + 2):
            held = jobs.take()
            assert jobs.checkpoint(held, step)
            jobs.lose(held)
            jobs.no_backoff()
        held = jobs.take()
        assert jobs.unit(held.unit.key).losses == 1
        assert jobs.checkpoint(held, MOST_LOSSES + 1), "the same step again"
        assert jobs.unit(held.unit.key).losses == 1, "is no news"

    def test_the_next_attempt_starts_from_the_last_checkpoint(self, jobs: Driver) -> None:
        jobs.submit(train())
        held = jobs.take()
        assert held.checkpoint is None
        jobs.checkpoint(held, 3)
        jobs.checkpoint(held, 5)
        jobs.lose(held)
        jobs.no_backoff()
        again = jobs.take()
        assert again.checkpoint == FileRef(sha256=sha256_hex(f"{held.unit.key} 5 cpu-test".encode()), bytes=3)

    def test_a_checkpoint_of_another_numerics_class_is_ignored(self, jobs: Driver) -> None:
        jobs.register("two", numerics="another")
        jobs.submit(train())
        held = jobs.take()
        jobs.checkpoint(held, 3)
        jobs.release(held)
        assert jobs.take("two").checkpoint is None

    def test_a_release_costs_nothing(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        for _ in range(2 * MOST_LOSSES):
            held = jobs.take()
            jobs.checkpoint(held, 1)
            assert jobs.release(held)
        row = jobs.unit(held.unit.key)
        assert (row.state, row.losses, row.attempt) == ("ready", 0, 2 * MOST_LOSSES)
        assert jobs.work() == 1
        assert jobs.state(job_id) == "succeeded"
