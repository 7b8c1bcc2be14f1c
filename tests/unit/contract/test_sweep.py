"""Sweeps as they are sent: which points they have, and what no sweep can be."""

from typing import get_args

import pytest
from pydantic import ValidationError

from winnow.contract.specs.jobs import SPEC, JobKind
from winnow.contract.specs.sweep import MOST_POINTS, points_of

JOB = {"kind": "train", "dataset": "digits", "model": {"name": "digits_cnn", "dropout": 0.1}}


def points(sent):
    return list(points_of(sent, SPEC.validate_python(sent).model_dump(mode="json")))


def test_jobs_can_be_listed_by_every_kind_that_can_be_sent():
    assert set(get_args(JobKind)) == set(SPEC.json_schema()["discriminator"]["mapping"])


def test_every_combination_is_a_point_and_the_last_field_changes_fastest():
    sent = JOB | {"sweep": {"dataset": ["digits", "mnist"], "train.optimizer.lr": [0.1, 0.2]}}
    found = points(sent)
    assert [tuple(at.values()) for at, _ in found] == [("digits", 0.1), ("digits", 0.2), ("mnist", 0.1), ("mnist", 0.2)]
    assert all(set(at) == set(sent["sweep"]) for at, _ in found)
    assert all("sweep" not in spec for _, spec in found)
    assert found[3][1] == JOB | {"dataset": "mnist", "train": {"optimizer": {"name": "adam", "lr": 0.2}}}


def test_a_path_leads_into_what_is_written_short_and_leaves_the_rest():
    at_half = {"sweep": {"dataset.fraction": [0.5], "model.dropout": [0.2]}}
    ((_, spec),) = points(JOB | {"sweep": at_half["sweep"]})
    assert spec["dataset"] == {"name": "digits", "fraction": 0.5}
    assert spec["model"] == {"name": "digits_cnn", "dropout": 0.2}
    assert JOB["model"]["dropout"] == 0.1


@pytest.mark.parametrize(
    ("method", "path", "value", "says"),
    [
        ("fast", "method.criterion", "snip", {"preset": "fast", "criterion": "snip"}),
        ({"granularity": "2:4"}, "method.granularity.keep", 1, {"granularity": {"name": "n_m", "keep": 1, "of": 4}}),
        ({"rewind": "auto"}, "method.rewind.step", 5, {"rewind": {"step": 5}}),
        (
            {"scope": {"conv": 0.5, "linear": 0.5, "output": 1}},
            "method.scope.densities.conv",
            0.2,
            {"scope": {"name": "densities", "densities": {"conv": 0.2, "linear": 0.5, "output": 1}}},
        ),
    ],
)
def test_every_short_form_is_read_out_before_a_path_leads_into_it(method, path, value, says):
    ((_, spec),) = points({**JOB, "kind": "prune", "method": method, "sweep": {path: [value]}})
    assert spec["method"] == says
    SPEC.validate_python(spec)


def test_a_path_into_a_choice_that_was_left_out_leads_into_the_default_one():
    ((_, spec),) = points(JOB | {"train": {"steps": 5}, "sweep": {"train.optimizer.lr": [0.5]}})
    assert spec["train"] == {"steps": 5, "optimizer": {"name": "adam", "lr": 0.5}}
    assert SPEC.validate_python(spec).train.epochs is None


def test_a_path_through_something_without_fields_is_refused():
    with pytest.raises(ValueError, match="there is no field more in 3"):
        points(JOB | {"seed": 3, "sweep": {"seed.more": [1]}})


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        ({}, "at least 1"),
        ({"seed": []}, "at least 1"),
        ({"seed": [1, 1]}, "each value of seed once"),
        ({"seed": [1, 1.0]}, "each value of seed once"),
        ({"kind": ["train"]}, "the same at all points"),
        ({"resource": ["cpu"]}, "the same at all points"),
        ({"sweep.seed": [1]}, "the same at all points"),
        ({"dataset": ["digits"], "dataset.fraction": [0.5]}, "dataset.fraction is a part of dataset"),
        ({"seed": list(range(MOST_POINTS + 1))}, f"{MOST_POINTS} are the most"),
        ({"seed": list(range(20)), "threads": list(range(1, 20))}, "380 points"),
        ({"": [1]}, "pattern"),
        ({"train..lr": [1]}, "pattern"),
        ({"seed": 3}, "tuple"),
    ],
)
def test_what_no_sweep_can_be_is_refused(sweep, says):
    with pytest.raises(ValidationError, match=says):
        SPEC.validate_python(JOB | {"sweep": sweep})
