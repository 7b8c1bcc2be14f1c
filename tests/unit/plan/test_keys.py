"""Units are named by what decides their outcome, all of it and nothing else."""

import pytest

from tests.support.fabricated import DIGITS_LIKE
from tests.support.planned import at_rate, job, work
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.plan import plan, resolve


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"train": {"epochs": 2}}, {"train": {"steps": 2 * 22}}),
        ({"method": {"schedule": "one_shot"}}, {"method": {"schedule": {"name": "iterative", "levels": 1}}}),
        ({"method": {"rewind": {"step": 0, "optimizer": "fresh", "lr": "restart"}}}, {}),
        ({"method": {"schedule": {"name": "iterative", "rate": 0.20}}}, {"method": at_rate("0.2")}),
        ({"method": {"rewind": {"epoch": 2}}}, {"method": {"rewind": {"step": 44}}}),
        ({"method": {"criterion": {"name": "magnitude", "at": "trained"}}}, {"method": {"criterion": "magnitude"}}),
        ({"model": {"name": "lenet_300_100", "dropout": 0.0}}, {}),
        ({"train": {"label_smoothing": 0, "clip": None, "precision": "float32"}}, {}),
        ({"train": {"warmup": {"epochs": 0}}}, {}),
        ({"train": {"warmup": {"steps": 1}}}, {}),
        ({"train": {"warmup": {"epochs": 2}}}, {"train": {"warmup": {"steps": 44}}}),
        ({"train": {"lr_schedule": {"name": "step", "epochs": [], "factor": 0.5}}}, {}),
        ({"train": {"lr_schedule": {"name": "cosine"}}}, {"train": {"lr_schedule": "cosine"}}),
        (
            {"method": {"scope": {"name": "global", "exclude": ["output"]}}},
            {"method": {"scope": {"name": "global", "exclude": ["fc3.weight"]}}},
        ),
        (
            {"method": {"criterion": {"name": "magnitude_per_cost", "alpha": 1.0}}},
            {"method": {"criterion": "magnitude_per_cost"}},
        ),
    ],
)
def test_two_ways_to_say_one_thing_are_the_same_units(one, other):
    results = work(job(**one)).results
    asked = work(job(**other), known=results).order
    assert asked == []


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 1},
        {"threads": 2},
        {"train": {"batch_size": 61}},
        {"train": {"optimizer": {"name": "adam", "lr": "0.0013"}}},
        {"train": {"optimizer": "adamw"}},
        {"train": {"lr_schedule": "cosine"}},
        {"train": {"warmup": {"steps": 2}}},
        {"train": {"label_smoothing": 0.1}},
        {"train": {"clip": 1}},
        {"model": {"name": "lenet_300_100", "dropout": 0.5}},
        {"method": {"rewind": {"step": 1}}},
    ],
)
def test_what_decides_the_outcome_is_in_every_key(fields):
    results = work(job(arms=["ticket"])).results
    asked = work(job(arms=["ticket"], **fields), known=results).order
    assert len(asked) == len(results)


TRAIN = {"kind": "train", "dataset": "digits", "model": "lenet_300_100"}


def train_job(**fields):
    return resolve(SPEC.validate_python(TRAIN | fields), DIGITS_LIKE, "cpu")


def test_patience_is_in_the_key_of_a_training_and_none_is_as_left_out():
    keys = {plan(train_job(train={"early_stopping": wanted}), {}).units[0].key for wanted in (None, {"patience": 3})}
    assert len(keys) == 2
    assert plan(train_job(), {}).units[0].key in keys


def test_bf16_is_in_the_key_on_gpus_and_refused_on_cpus():
    specs = [SPEC.validate_python(TRAIN | {"train": {"precision": wanted}}) for wanted in ("float32", "bf16")]
    keys = {plan(resolve(spec, DIGITS_LIKE, "gpu"), {}).units[0].key for spec in specs}
    assert len(keys) == 2
    with pytest.raises(InvalidSpec, match="GPUs alone"):
        resolve(specs[1], DIGITS_LIKE, "cpu")


def test_early_stopping_is_refused_where_a_later_state_is_to_be_kept():
    with pytest.raises(InvalidSpec, match="before step 44, whose state is to be kept"):
        train_job(train={"early_stopping": {"patience": 3}}, rewind={"epoch": 2})


def test_a_name_is_not_in_the_key_but_the_content_is():
    renamed = DIGITS_LIKE.model_copy(update={"name": "dst_mine", "source": "upload"})
    changed = DIGITS_LIKE.model_copy(update={"fingerprint": "e" * 64})
    spec = SPEC.validate_python(TRAIN)
    keys = [plan(resolve(spec, facts, "cpu"), {}).units[0].key for facts in (DIGITS_LIKE, renamed, changed)]
    assert keys[0] == keys[1] != keys[2]
