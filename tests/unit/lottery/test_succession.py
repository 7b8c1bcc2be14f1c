"""Jobs that begin with another job's model: one POST for all of it, and the same units as one after the other."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.lottery import do_all
from tests.support.transfers import HIGH, LOW
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.problems import InvalidSpec
from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.lottery.units import Warm
from winnow.plan import Finished, Known, Pending, Resolved, levels, places, plan, resolve_sent, table

SHORT = {"steps": 6, "optimizer": {"name": "sgd", "lr": 0.05}}
TRAIN = {"kind": "train", "dataset": {"name": "digits", "classes": LOW}, "model": "digits_cnn", "train": SHORT}
TRANSFER = {
    "kind": "transfer",
    "dataset": {"name": "digits", "classes": HIGH},
    "model": {"job": TRAIN},
    "train": SHORT,
    "trainable": "head",
    "arms": ["no_mask"],
    "replicates": 1,
}
PRUNE = {
    "kind": "prune",
    "dataset": {"name": "digits", "classes": HIGH},
    "model": {"job": TRANSFER},
    "train": SHORT,
    "target": {"sparsity": 0.36},
    "replicates": 1,
    "arms": ["ticket"],
}


def resolved(sent: dict[str, Any], models: Mapping[str, tuple[Unit, ...]] | None = None) -> Resolved:
    known = Known(dataset=DATASETS.__getitem__, model=(models or {}).__getitem__, auto="cpu")
    return resolve_sent(sent, SPEC.validate_python, known)


def test_train_then_transfer_then_prune_is_one_job(tmp_path: Path) -> None:
    job = resolved(PRUNE)
    results = do_all(job, tmp_path, Warm(None))
    kinds = [place.unit.kind for place in places(job, results)]
    assert kinds == ["train", "features", "transfer", "train", "level", "level"]
    assert [row.level for row in levels(job, results)] == [0, 1, 2]
    assert {row.arm for row in table(job, results)} == {"source", "dense", "ticket"}
    answer = plan(job, results)
    assert isinstance(answer, Finished)
    assert not answer.outcome.failed_checks
    assert answer.progress.fraction == 1
    assert answer.outcome.result.target.model_id == levels(job, results)[-1].model_id
    stages = answer.outcome.certificate["before"]
    assert [stage["asked"]["kind"] for stage in stages] == ["train", "transfer"]


def test_a_job_before_it_runs_where_it_does_unless_it_says_otherwise() -> None:
    def resources(sent: dict[str, Any]) -> list[str]:
        job, found = resolved(sent), list[str]()
        while job.before is not None:
            found, job = [*found, job.resource], job.before
        return [*found, job.resource]

    assert resources(PRUNE) == ["cpu", "cpu", "cpu"]
    assert resources(PRUNE | {"resource": "gpu"}) == ["gpu", "gpu", "gpu"]
    assert resources(PRUNE | {"resource": "gpu", "model": {"job": TRANSFER | {"resource": "cpu"}}}) == [
        "gpu",
        "cpu",
        "cpu",
    ]


def test_its_units_are_those_of_the_jobs_one_after_the_other(tmp_path: Path) -> None:
    at_once = do_all(resolved(TRANSFER), tmp_path, Warm(None))
    first = resolved(TRAIN)
    (trained,) = (place.unit for place in places(first, {}))
    assert trained.model_id is not None
    second = resolved(TRANSFER | {"model": trained.model_id}, {trained.model_id: (trained,)})
    assert {place.unit.key for place in places(second, {})} == set(at_once)


def test_nothing_of_a_job_is_shown_before_its_turn() -> None:
    job = resolved(PRUNE)
    (unit,) = (place.unit for place in places(job, {}))
    answer = plan(job, {})
    assert isinstance(answer, Pending)
    assert [one.key for one in answer.units] == [unit.key]
    assert levels(job, {}) == table(job, {}) == ()


def test_progress_never_falls(tmp_path: Path) -> None:
    job, results, shares = resolved(PRUNE), dict[str, UnitResult](), list[float]()
    whole = do_all(job, tmp_path, Warm(None))
    for key, result in whole.items():
        shares.append(plan(job, results).progress.fraction)
        results[key] = result
    shares.append(plan(job, results).progress.fraction)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_job_survives_its_json() -> None:
    job = resolved(PRUNE)
    again = Resolved.model_validate(json.loads(job.model_dump_json()))
    assert [place.unit.key for place in places(again, {})] == [place.unit.key for place in places(job, {})]
    assert again == job


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (TRANSFER | {"model": {"job": TRAIN | {"model": "mdl_x", "dataset": "digits"}}}, "KeyError"),
        (
            TRANSFER | {"model": {"job": TRAIN | {"train": {"steps": 6, "batch_size": 60_000}}}},
            "In model.job: batch_size",
        ),
        (PRUNE | {"model": {"job": TRAIN}}, "fresh head"),
    ],
)
def test_what_cannot_be_is_refused_with_the_stage_that_it_is_in(sent: dict[str, Any], says: str) -> None:
    with pytest.raises((InvalidSpec, KeyError)) as refused:
        resolved(sent)
    assert says in repr(refused)


def test_jobs_begin_with_jobs_a_few_times_and_no_more() -> None:
    sent: dict[str, Any] = TRAIN
    for _ in range(8):
        sent = TRAIN | {"model": {"job": sent}}
    with pytest.raises(InvalidSpec, match="7 times at most"):
        resolved(sent)
