"""A job from its first unit to its certificate, alone and beside others that need the same."""

import pytest
from sqlalchemy import select

from tests.support.driver import Driver, prune, train
from winnow.contract.problems import InvalidSpec
from winnow.contract.results import Check, FileRef
from winnow.contract.values import sha256_hex
from winnow.db.tables import files, models
from winnow.db.tables import jobs as jobs_table
from winnow.jobs import read


class Running:
    """A job from its first unit to its certificate, alone and beside others that need the same."""

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
