"""Jobs that fail and jobs that are cancelled."""

import pytest
from sqlalchemy import select, update

from tests.support.driver import Driver, prune, train
from tests.support.fabricated import DIGITS_LIKE
from winnow.contract.problems import NotFound, Reason
from winnow.db.tables import job_units, units
from winnow.db.tables import jobs as jobs_table
from winnow.jobs.settle import settle, unsettled

FOLDER = DIGITS_LIKE.model_copy(update={"source": "folder", "format": "folder"})
UPLOAD = DIGITS_LIKE.model_copy(update={"name": "mine", "source": "upload", "format": "zip", "object": "e" * 64})


class Ending:
    """Jobs that fail and jobs that are cancelled."""

    def test_a_failed_unit_fails_every_job_that_needs_it(self, jobs: Driver) -> None:
        both = [jobs.submit(train()), jobs.submit(prune(0.2))]
        held = jobs.take()
        assert jobs.fail(held, Reason.OUT_OF_MEMORY, "8 GB were not enough")
        jobs.settle(held)
        for job_id in both:
            row = jobs.job(job_id)
            assert (row.state, row.reason) == ("failed", "out_of_memory")
            assert row.error["unit"] == held.unit.key
            assert (row.error["attempt"], row.error["detail"]) == (1, "8 GB were not enough")

    @pytest.mark.parametrize("reason", [Reason.OUT_OF_MEMORY, Reason.DATA_ERROR])
    def test_a_new_job_tries_a_failed_unit_again(self, jobs: Driver, reason: Reason) -> None:
        jobs.submit(train())
        held = jobs.take()
        jobs.fail(held, reason)
        jobs.settle(held)
        again = jobs.submit(train())
        assert jobs.work() == 1
        assert jobs.state(again) == "succeeded"
        assert jobs.unit(held.unit.key).attempt == 2

    def test_another_try_reads_from_where_its_own_job_says(self, jobs: Driver) -> None:
        """The content is the same, and so is the unit; the folder that was named first may be gone."""
        jobs.submit(train(), data=FOLDER)
        held = jobs.take()
        assert held.uploads == {}
        jobs.fail(held, Reason.DATA_ERROR)
        jobs.settle(held)
        jobs.submit(train(), data=UPLOAD)
        again = jobs.take()
        assert (again.unit.key, again.uploads) == (held.unit.key, {"dataset": UPLOAD.object})

    def test_a_unit_that_waits_reads_from_the_store_once_a_job_says_that_it_is_there(self, jobs: Driver) -> None:
        for data in (FOLDER, UPLOAD, FOLDER):
            jobs.submit(train(), data=data)
        assert jobs.take().uploads == {"dataset": UPLOAD.object}

    def test_what_another_try_cannot_change_fails_at_once(self, jobs: Driver) -> None:
        jobs.submit(train())
        held = jobs.take()
        jobs.fail(held, Reason.USER_ERROR, "the loss is no number")
        jobs.settle(held)
        again = jobs.job(jobs.submit(prune(0.2)))
        assert (again.state, again.reason, again.error["detail"]) == ("failed", "user_error", "the loss is no number")
        assert jobs.claim() is None

    def test_a_failure_reaches_a_job_even_if_another_has_the_unit_done_meanwhile(self, jobs: Driver) -> None:
        attached = jobs.submit(train())
        jobs.fail(jobs.take())
        late = jobs.submit(prune(0.2))
        assert jobs.work(at_most=1) == 1
        jobs.upkeep()
        assert (jobs.state(attached), jobs.state(late)) == ("failed", "running")

    def test_levels_that_are_finished_stay_when_the_job_fails(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.36))
        jobs.finish(jobs.take())
        held = jobs.take()
        jobs.fail(held)
        jobs.settle(held)
        row = jobs.job(job_id)
        assert (row.state, [level["level"] for level in row.levels]) == ("failed", [0])

    def test_a_plan_that_breaks_ends_its_job(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        with jobs.database.write() as conn:
            conn.execute(update(jobs_table).values(resolved={"spec": "of another time"}))
        jobs.write(settle, job_id)
        row = jobs.job(job_id)
        assert (row.state, row.reason) == ("failed", "bug")
        assert "plan failed" in row.error["detail"]

    def test_cancel_stops_what_nobody_else_wants(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.2, replicates=2))
        held = jobs.take()
        assert jobs.cancel(job_id) == "cancelled"
        assert jobs.heartbeat(held) == "stop"
        assert jobs.claim() is None
        assert jobs.release(held)
        assert {row.state for row in jobs.all(select(units))} == {"cancelled"}
        row = jobs.job(job_id)
        assert row.state == "cancelled"
        assert row.cancel_requested_at == pytest.approx(row.finished_at, abs=1)
        assert jobs.cancel(job_id) == "already_finished"

    def test_cancel_leaves_what_another_job_wants(self, jobs: Driver) -> None:
        cancelled, other = jobs.submit(prune(0.36)), jobs.submit(prune(0.2))
        held = jobs.take()
        jobs.cancel(cancelled)
        assert jobs.heartbeat(held) == "go"
        jobs.finish(held)
        assert jobs.work() == 1
        assert jobs.state(other) == "succeeded"

    def test_a_job_gets_done_what_a_cancel_has_stopped(self, jobs: Driver) -> None:
        jobs.cancel(jobs.submit(prune(0.2)))
        again = jobs.submit(prune(0.2))
        assert jobs.work() == 2
        assert jobs.state(again) == "succeeded"

    def test_a_job_that_comes_between_stop_and_release_keeps_the_unit(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        held = jobs.take()
        jobs.checkpoint(held, 4)
        jobs.cancel(job_id)
        assert jobs.heartbeat(held) == "stop"
        again = jobs.submit(train())
        assert jobs.release(held)
        assert jobs.unit(held.unit.key).state == "ready"
        assert jobs.take().checkpoint is not None
        assert jobs.state(again) == "running"

    def test_a_unit_that_ends_after_its_job_is_kept_and_tells_nobody(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.2))
        held = jobs.take()
        jobs.cancel(job_id)
        assert jobs.commit(held)
        assert jobs.read(unsettled) == []
        before = jobs.job(job_id), jobs.all(select(job_units)), jobs.all(select(units))
        assert not before[1][0].unseen
        jobs.write(settle, job_id)
        assert (jobs.job(job_id), jobs.all(select(job_units)), jobs.all(select(units))) == before
        assert jobs.job(jobs.submit(prune(0.2))).units_done == 1

    def test_an_unknown_job_cannot_be_cancelled(self, jobs: Driver) -> None:
        with pytest.raises(NotFound, match="job_none"):
            jobs.cancel("job_none")
