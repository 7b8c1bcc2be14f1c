"""What every database of jobs keeps to. A new one is done when its subclass, which gives `database`, passes."""

import pytest
from sqlalchemy import func, select, update

from tests.support.driver import NUMERICS, Driver, prune, resolved, train
from winnow.contract.problems import Conflict, InvalidSpec, NotFound, Reason, Unavailable
from winnow.contract.results import Check, FileRef, Line, Point
from winnow.contract.values import sha256_hex
from winnow.db.clock import now
from winnow.db.engine import Database
from winnow.db.tables import TENANT, attempts, events, files, job_units, models, objects, units, workers
from winnow.db.tables import jobs as jobs_table
from winnow.jobs import objects as object_rows
from winnow.jobs import read, sweep
from winnow.jobs import workers as registry
from winnow.jobs.checkpoint import checkpoint
from winnow.jobs.commit import commit
from winnow.jobs.lose import MOST_LOSSES, take_back
from winnow.jobs.progress import progress
from winnow.jobs.settle import settle, unsettled
from winnow.jobs.start import missed_starts, started
from winnow.jobs.submit import submit


class JobStoreConformance:
    """Promises of the job protocol, whatever keeps the rows."""

    @pytest.fixture
    def database(self) -> Database:
        """An empty database of the backend under test, with all tables."""
        raise NotImplementedError

    @pytest.fixture
    def jobs(self, database: Database) -> Driver:
        """Hands on it, and one worker."""
        driver = Driver(database)
        driver.register()
        return driver

    # --- the life of a job

    def test_a_job_is_done_from_its_first_unit_to_its_certificate(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.36, "random_mask"))
        assert jobs.state(job_id) == "queued"
        assert jobs.work() == 5  # train, two levels, a control of each
        row = jobs.job(job_id)
        assert (row.state, row.reason, row.fraction, row.units_done, row.units_total) == ("succeeded", None, 1.0, 5, 5)
        assert row.certificate["found"]["target"]["level"] == row.result["target"]["level"] == 2
        assert [level["level"] for level in row.levels] == [0, 1, 2]
        assert row.created_at <= row.started_at <= row.finished_at

    def test_events_tell_the_transitions_in_order(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.2))
        jobs.work()
        told = jobs.read(read.events_after, job_id, 0)
        assert [event.seq for event in told] == list(range(1, len(told) + 1))
        assert [(e.event, e.data.get("state", e.data.get("level"))) for e in told] == [
            ("job", "queued"),
            ("unit", "ready"),
            ("job", "running"),
            ("unit", "done"),
            ("level", 0),
            ("unit", "ready"),
            ("unit", "done"),
            ("level", 1),
            ("job", "succeeded"),
        ]
        assert jobs.read(read.events_after, job_id, 7, 1)[0].data["level"] == 1

    def test_a_finished_level_is_a_model_while_the_job_runs(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.36, "random_mask"))
        for _ in range(2):
            jobs.finish(jobs.take())
        made = jobs.all(select(models).order_by(models.c.level))
        assert [(model.kind, model.level) for model in made] == [("train", 0), ("level", 1)]
        assert [row["model_id"] for row in jobs.job(job_id).levels] == [model.id for model in made]
        assert jobs.state(job_id) == "running"
        assert {file.unit_key for file in jobs.all(select(files))} == {model.unit_key for model in made}

    def test_controls_make_no_model(self, jobs: Driver) -> None:
        jobs.submit(prune(0.2, "random_mask"))
        assert jobs.work() == 3
        assert len(jobs.all(select(models))) == 2

    def test_a_claim_names_the_files_of_the_parents(self, jobs: Driver) -> None:
        jobs.submit(prune(0.2))
        jobs.finish(jobs.take())
        held = jobs.take()
        parent = held.unit.parents["parent"]
        file = FileRef(sha256=sha256_hex(parent.encode()), bytes=64)
        assert held.parent_files == {"start": {"weights.safetensors": file}, "parent": {"weights.safetensors": file}}

    def test_an_audit_that_fails_fails_the_job(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        broken = Check(name="masked_weights_zero", ok=False, evidence="three weights are not 0")
        jobs.finish(jobs.take(), checks=(broken,))
        row = jobs.job(job_id)
        assert (row.state, row.reason, row.certificate, row.result) == ("failed", "bug", None, None)
        assert "three weights are not 0" in row.error["detail"]
        assert [level["level"] for level in row.levels] == [0], "levels already finished stay"

    # --- sharing

    def test_two_jobs_share_what_both_need(self, jobs: Driver) -> None:
        both = [jobs.submit(prune(0.2)), jobs.submit(prune(0.36))]
        assert jobs.work() == 3
        assert [jobs.state(job_id) for job_id in both] == ["succeeded", "succeeded"]

    def test_a_deeper_job_trains_only_what_is_missing(self, jobs: Driver) -> None:
        jobs.submit(prune(0.36))
        assert jobs.work() == 3
        deeper = jobs.submit(prune(0.488))
        assert jobs.job(deeper).units_done == 3
        assert jobs.work() == 1
        assert jobs.state(deeper) == "succeeded"

    def test_a_job_of_which_all_is_there_succeeds_at_once(self, jobs: Driver) -> None:
        jobs.submit(prune(0.36))
        jobs.work()
        again = jobs.submit(prune(0.36))
        row = jobs.job(again)
        assert (row.state, row.started_at, row.fraction, row.units_done) == ("succeeded", None, 1.0, 3)
        states = [e.data["state"] for e in jobs.read(read.events_after, again, 0) if e.event == "job"]
        assert states == ["queued", "succeeded"]
        assert len(jobs.read(read.results_of, again)) == 3

    def test_a_job_that_comes_while_its_unit_runs_is_running(self, jobs: Driver) -> None:
        jobs.submit(train())
        jobs.take()
        assert jobs.state(jobs.submit(prune(0.2))) == "running"

    # --- the order of claims

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
        assert jobs.claim(cores_free=1) is None
        held = jobs.claim(cores_free=2)
        assert held is not None
        assert (held.unit.inputs.threads, held.unit.inputs.resource) == (2, "cpu")
        on_gpu = jobs.claim(resource="gpu", cores_free=1)
        assert on_gpu is not None
        assert on_gpu.unit.inputs.resource == "gpu"
        assert jobs.claim(cores_free=3) is None

    def test_a_unit_is_claimed_once(self, jobs: Driver) -> None:
        jobs.submit(train())
        assert jobs.claim() is not None
        assert jobs.claim("two") is None

    # --- leases and fences

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
        jobs.sweep()
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

    # --- failing

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

    def test_a_new_job_tries_a_failed_unit_again(self, jobs: Driver) -> None:
        jobs.submit(train())
        held = jobs.take()
        jobs.fail(held, Reason.OUT_OF_MEMORY)
        jobs.settle(held)
        again = jobs.submit(train())
        assert jobs.work() == 1
        assert jobs.state(again) == "succeeded"
        assert jobs.unit(held.unit.key).attempt == 2

    @pytest.mark.parametrize("reason", [Reason.USER_ERROR, Reason.DATA_ERROR])
    def test_what_another_try_cannot_change_fails_at_once(self, jobs: Driver, reason: Reason) -> None:
        jobs.submit(train())
        held = jobs.take()
        jobs.fail(held, reason, "one class has no images")
        jobs.settle(held)
        again = jobs.job(jobs.submit(prune(0.2)))
        assert (again.state, again.reason, again.error["detail"]) == ("failed", reason, "one class has no images")
        assert jobs.claim() is None

    def test_a_failure_reaches_a_job_even_if_another_has_the_unit_done_meanwhile(self, jobs: Driver) -> None:
        attached = jobs.submit(train())
        jobs.fail(jobs.take())
        late = jobs.submit(prune(0.2))
        assert jobs.work(at_most=1) == 1
        jobs.sweep()
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

    # --- cancelling

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

    # --- what may be missed

    def test_the_sweep_settles_what_a_dead_worker_committed(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.2))
        jobs.commit(jobs.take())
        assert jobs.claim() is None
        jobs.sweep()
        assert jobs.work() == 1
        assert jobs.state(job_id) == "succeeded"

    def test_the_sweep_starts_a_job_whose_worker_did_not_say_so(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        jobs.claim()
        assert jobs.state(job_id) == "queued"
        assert jobs.read(missed_starts) == [job_id]
        jobs.sweep()
        assert jobs.state(job_id) == "running"
        assert not jobs.write(started, job_id), "once"

    def test_settling_twice_changes_nothing(self, jobs: Driver) -> None:
        job_id = jobs.submit(prune(0.36, "random_mask"))
        jobs.finish(jobs.take())
        before = jobs.job(job_id), jobs.all(select(units)), jobs.all(select(job_units)), jobs.all(select(events))
        jobs.write(settle, job_id)
        after = jobs.job(job_id), jobs.all(select(units)), jobs.all(select(job_units)), jobs.all(select(events))
        assert after == before

    # --- progress

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
        jobs.sweep()
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
        for job_id, expected in ((waiting, "worker"), (queued, "slot")):
            said = jobs.read(lambda conn, i=job_id: read.waiting(conn, read.job(conn, TENANT, i)))
            assert said is not None
            assert said.waits_for == expected
        jobs.take()
        assert jobs.read(lambda conn: read.waiting(conn, read.job(conn, TENANT, queued))) is None

    # --- idempotency keys

    def test_a_key_that_comes_again_gives_the_first_job(self, jobs: Driver) -> None:
        first = jobs.submit(prune(0.2), key="abc")
        assert jobs.submit(prune(0.2), key="abc") == first
        assert jobs.submit(prune(0.2), key="abd") != first
        assert len(jobs.all(select(jobs_table))) == 2

    def test_a_key_that_comes_again_with_another_body_is_refused(self, jobs: Driver) -> None:
        jobs.submit(prune(0.2), key="abc")
        with pytest.raises(InvalidSpec, match="abc"):
            jobs.submit(prune(0.3), key="abc")
        assert len(jobs.all(select(jobs_table))) == 1

    # --- workers

    def test_a_name_is_held_by_one_live_worker(self, jobs: Driver) -> None:
        with pytest.raises(Conflict, match="one"):
            jobs.register(session="another")
        assert [(row.id, row.busy) for row in jobs.read(registry.live)] == [("one", 0)]
        assert jobs.write(registry.gone, "one", "run of one")
        assert jobs.read(registry.live) == []
        jobs.register(session="another")
        assert not jobs.write(registry.seen, "one", "run of one"), "the first run hears that it was replaced"
        assert jobs.write(registry.seen, "one", "another")

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

    # --- the bell and the objects

    def test_the_bell_rings_where_work_and_a_free_slot_meet(self, jobs: Driver) -> None:
        assert jobs.read(sweep.claimable) == []
        jobs.submit(train())
        jobs.submit(train(seed=1))
        jobs.submit(train(), resource="gpu")
        assert jobs.read(sweep.claimable) == ["cpu"], "no worker has a GPU"
        jobs.register("two", resource="gpu")
        assert jobs.read(sweep.claimable) == ["cpu", "gpu"]
        jobs.take()
        assert jobs.read(sweep.claimable) == ["gpu"], "the one slot is busy"

    def test_objects_that_nothing_names_go_after_a_while(self, jobs: Driver) -> None:
        jobs.submit(train())
        held = jobs.take()
        old, new, orphan = (sha256_hex(f"{held.unit.key} {step} cpu-test".encode()) for step in (1, 2, 3))
        jobs.checkpoint(held, 1)
        jobs.checkpoint(held, 2)
        jobs.write(object_rows.touch, orphan, 3)
        assert jobs.write(sweep.stale_objects) == []
        pass_time(jobs, 61)
        assert jobs.write(sweep.stale_objects) == [old]
        jobs.finish(held)
        pass_time(jobs, 3600)
        assert set(jobs.write(sweep.stale_objects)) == {old, new, orphan}, "an unfinished deletion comes again"
        with pytest.raises(Unavailable, match="being deleted"):
            jobs.write(object_rows.touch, old, 3)
        assert jobs.write(sweep.forget_objects, [old, new, orphan]) == 3
        jobs.write(object_rows.touch, old, 3)
        assert len(jobs.all(select(files))) == 1

    def test_a_touch_keeps_an_object(self, jobs: Driver) -> None:
        jobs.write(object_rows.touch, "a" * 64, 3)
        pass_time(jobs, 3601)
        jobs.write(object_rows.touch, "a" * 64, 3)
        assert jobs.write(sweep.stale_objects) == []

    # --- the rows themselves

    def test_a_result_whose_files_were_collected_is_a_loss(self, jobs: Driver) -> None:
        job_id = jobs.submit(train())
        held = jobs.take()
        made = jobs.result(held.unit)
        for file in made.files.values():
            jobs.write(object_rows.touch, file.sha256, file.bytes)
        pass_time(jobs, 3601)
        names = jobs.write(sweep.stale_objects)
        assert not jobs.write(commit, held, made), "the sweep has come for it"
        jobs.write(sweep.forget_objects, names)
        assert (jobs.unit(held.unit.key).state, jobs.unit(held.unit.key).losses) == ("ready", 1)
        assert jobs.all(select(files)) == jobs.all(select(models)) == []
        jobs.no_backoff()
        assert jobs.work() == 1
        assert jobs.state(job_id) == "succeeded"

    def test_a_commit_keeps_its_files_from_the_sweep(self, jobs: Driver) -> None:
        jobs.submit(train())
        held = jobs.take()
        for file in jobs.result(held.unit).files.values():
            jobs.write(object_rows.touch, file.sha256, file.bytes)
        pass_time(jobs, 3601)
        assert jobs.write(commit, held, jobs.result(held.unit)), "late, but before the sweep"
        assert jobs.write(sweep.stale_objects) == []

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


def pass_time(driver: Driver, seconds: float) -> None:
    """Let objects grow old."""
    with driver.database.write() as conn:
        conn.execute(update(objects).values(touched_at=objects.c.touched_at - seconds))
