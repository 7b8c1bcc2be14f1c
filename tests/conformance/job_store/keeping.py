"""Rows and objects: what is kept, what goes, and what a transaction sees."""

import pytest
from sqlalchemy import func, select, update

from tests.support.driver import NUMERICS, Driver, resolved, train
from winnow.contract.problems import Unavailable
from winnow.contract.results import FileRef
from winnow.contract.values import sha256_hex
from winnow.db.clock import now
from winnow.db.tables import TENANT, files, models, objects, units
from winnow.db.tables import jobs as jobs_table
from winnow.jobs import objects as object_rows
from winnow.jobs import upkeep
from winnow.jobs.checkpoint import checkpoint
from winnow.jobs.commit import commit
from winnow.jobs.submit import submit


class Keeping:
    """Rows and objects: what is kept, what goes, and what a transaction sees."""

    def test_objects_that_nothing_names_go_after_a_while(self, jobs: Driver) -> None:
        jobs.submit(train())
        held = jobs.take()
        old, new, orphan = (sha256_hex(f"{held.unit.key} {step} cpu-test".encode()) for step in (1, 2, 3))
        jobs.checkpoint(held, 1)
        jobs.checkpoint(held, 2)
        jobs.write(object_rows.touch, orphan, 3)
        assert stale(jobs) == []
        pass_time(jobs, 61)
        assert stale(jobs) == [old]
        jobs.finish(held)
        pass_time(jobs, 3600)
        marked = jobs.write(upkeep.mark_stale_objects)
        assert set(marked.names) == {old, new, orphan}, "an unfinished deletion comes again"
        with pytest.raises(Unavailable, match="being deleted"):
            jobs.write(object_rows.touch, old, 3)
        assert jobs.write(upkeep.forget_objects, marked) == 3
        jobs.write(object_rows.touch, old, 3)
        assert len(jobs.all(select(files))) == 1

    def test_a_touch_keeps_an_object(self, jobs: Driver) -> None:
        jobs.write(object_rows.touch, "a" * 64, 3)
        pass_time(jobs, 3601)
        jobs.write(object_rows.touch, "a" * 64, 3)
        assert stale(jobs) == []

    def test_what_one_round_deletes_no_other_touches_unless_it_was_left(self, jobs: Driver) -> None:
        jobs.write(object_rows.touch, "a" * 64, 3)
        pass_time(jobs, 3601)
        slow = jobs.write(upkeep.mark_stale_objects)
        pass_time(jobs, 299)
        assert stale(jobs) == [], "deleting it later might delete what has been put anew"
        pass_time(jobs, 2)
        later = jobs.write(upkeep.mark_stale_objects)
        assert list(later.names) == ["a" * 64]
        assert jobs.write(upkeep.forget_objects, slow) == 0, "the later one is about to delete it"
        assert jobs.write(upkeep.forget_objects, later) == 1

    def test_a_result_whose_files_were_collected_is_a_loss(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        held = jobs.take()
        made = jobs.result(held.unit)
        for file in made.files.values():
            jobs.write(object_rows.touch, file.sha256, file.bytes)
        pass_time(jobs, 3601)
        marked = jobs.write(upkeep.mark_stale_objects)
        assert not jobs.write(commit, held, made), "upkeep has come for it"
        jobs.write(upkeep.forget_objects, marked)
        assert (jobs.unit(held.unit.key).state, jobs.unit(held.unit.key).losses) == ("ready", 1)
        assert jobs.all(select(files)) == jobs.all(select(models)) == []
        jobs.no_backoff()
        assert jobs.work() == 1
        assert jobs.state(job_id) == "succeeded"

    def test_a_commit_keeps_its_files_from_upkeep(self, jobs: Driver) -> None:
        jobs.submit(train())
        held = jobs.take()
        for file in jobs.result(held.unit).files.values():
            jobs.write(object_rows.touch, file.sha256, file.bytes)
        pass_time(jobs, 3601)
        assert jobs.write(commit, held, jobs.result(held.unit)), "late, but before upkeep"
        assert stale(jobs) == []

    def test_a_checkpoint_that_was_collected_is_not_committed(self, jobs: Driver) -> None:
        jobs.submit(train())
        held = jobs.take()
        jobs.checkpoint(held, 1)
        gone = FileRef(sha256="c" * 64, bytes=3)
        with pytest.raises(Unavailable, match="next one"):
            jobs.write(checkpoint, held, gone, 2, NUMERICS)
        assert jobs.unit(held.unit.key).checkpoint_step == 1
        jobs.release(held)
        assert jobs.take().checkpoint is not None

    def test_the_checkpoint_of_a_unit_that_nobody_wants_goes_when_it_is_old(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        jobs.submit(train(seed=1))
        for held in [jobs.take(), jobs.take()]:
            jobs.checkpoint(held, 1)
            jobs.release(held)
        jobs.cancel(job_id)
        pass_time(jobs, 604_000)
        assert jobs.write(upkeep.forget_checkpoints) == 0
        pass_time(jobs, 1000)
        assert jobs.write(upkeep.forget_checkpoints) == 1
        assert {row.state: row.checkpoint_step for row in jobs.all(select(units))} == {"cancelled": None, "ready": 1}
        assert len(stale(jobs)) == 1

    def test_what_diverged_can_be_stored(self, jobs: Driver) -> None:
        jobs.submit(train())
        held = jobs.take()
        metrics = jobs.result(held.unit).metrics
        diverged = metrics.model_copy(update={"train": metrics.train.model_copy(update={"loss": float("nan")})})
        jobs.finish(held, metrics=diverged)
        assert jobs.unit(held.unit.key).result["metrics"]["train"]["loss"] != 0

    def test_the_clock_is_the_databases_and_moves(self, jobs: Driver) -> None:
        first, second = (jobs.read(lambda conn: conn.scalar(select(now()))) for _ in range(2))
        assert 1_700_000_000 < first <= second

    def test_a_read_cannot_write(self, jobs: Driver) -> None:
        with pytest.raises(Exception, match=r"(?i)read-?only"), jobs.database.read() as conn:
            conn.execute(update(units).values(attempt=9))

    def test_a_read_sees_one_moment(self, jobs: Driver) -> None:
        count = select(func.count()).select_from(jobs_table)
        with jobs.database.read() as conn:
            before = conn.scalar(count)
            jobs.submit(train())
            assert conn.scalar(count) == before == 0

    def test_a_transaction_that_fails_leaves_nothing(self, jobs: Driver) -> None:
        def submit_and_fall(conn: object) -> None:
            submit(conn, tenant=TENANT, sent=train(), resolved=resolved(train()))
            raise KeyError("here")

        with pytest.raises(KeyError, match="here"):
            jobs.write(submit_and_fall)
        assert jobs.all(select(jobs_table)) == jobs.all(select(units)) == []


def stale(driver: Driver) -> list[str]:
    return list(driver.write(upkeep.mark_stale_objects).names)


def pass_time(driver: Driver, seconds: float) -> None:
    """Let objects grow old."""
    with driver.database.write() as conn:
        conn.execute(update(objects).values(touched_at=objects.c.touched_at - seconds))
