"""The plan on its own: it ends, asks for nothing twice, and does not care in which order results arrive."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fabricated import DIGITS_LIKE, fabricated
from tests.support.planned import at_rate, job, scored, some_of, work
from winnow.contract.problems import InvalidSpec
from winnow.contract.results import Check
from winnow.contract.specs.jobs import SPEC
from winnow.contract.values import canonical_json
from winnow.plan import Finished, Pending, plan, resolve, table
from winnow.plan.counts import steps_at_rate

specs = st.fixed_dictionaries(
    {
        "target": st.fixed_dictionaries({"sparsity": st.decimals("0.01", "0.97", places=3)}),
        "method": st.builds(at_rate, st.decimals("0.2", "0.9", places=2)),
        "arms": st.sampled_from([["ticket"], ["dense", "random_mask"], ["ticket", "random_reinit", "random_mask"]]),
        "replicates": st.integers(1, 3),
        "seed": st.integers(0, 3),
    }
)


@settings(deadline=None, max_examples=40)
@given(specs, st.randoms(use_true_random=False))
def test_it_ends_and_the_order_of_results_does_not_matter(fields, random):
    asked = job(**fields)
    found = work(asked)
    shuffled = work(asked, choose=some_of(random))
    assert len({unit.key for unit in found.order}) == len(found.order) == len(found.results)
    assert shuffled.results.keys() == found.results.keys()
    assert canonical_json(shuffled.outcome.certificate) == canonical_json(found.outcome.certificate)
    assert not found.outcome.failed_checks


@settings(deadline=None, max_examples=40)
@given(st.decimals("0.2", "0.9", places=2), st.decimals("0.01", "0.9", places=2), st.decimals("0.91", "0.99", places=3))
def test_deeper_sparsity_asks_only_for_what_lies_beyond_the_last_shared_level(rate, shallow, deep):
    first = job(target={"sparsity": shallow}, method=at_rate(rate), replicates=1, arms=["ticket"])
    second = job(target={"sparsity": deep}, method=at_rate(rate), replicates=1, arms=["ticket"])
    results = work(first).results
    more = work(second, known=results)
    alone = work(second).results
    assert {unit.key for unit in more.order} == set(alone) - set(results)
    shared = sum(step.cut is None for step in steps_at_rate(rate, shallow))
    assert len(more.order) == len(alone) - 1 - shared
    assert set(more.results) >= set(alone)


def test_more_replicates_and_more_arms_ask_only_for_themselves():
    results = work(job(replicates=2, arms=["ticket"], method=at_rate("0.5"))).results
    asked = work(job(replicates=3, arms=["ticket", "random_mask"], method=at_rate("0.5")), known=results).order
    assert len(asked) == 1 + 4 + 3 * 4


def test_a_train_job_is_level_0_of_a_prune_job():
    results = work(job(replicates=1, arms=["ticket"])).results
    train = resolve(
        SPEC.validate_python({"kind": "train", "dataset": "digits", "model": "lenet_300_100"}), DIGITS_LIKE, "cpu"
    )
    answer = plan(train, results)
    assert isinstance(answer, Finished)
    assert answer.outcome.result.target.level == 0
    assert answer.outcome.result.target.verdict is None


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
        {"train": {"precision": "bf16"}},
        {"model": {"name": "lenet_300_100", "dropout": 0.5}},
        {"method": {"rewind": {"step": 1}}},
    ],
)
def test_what_decides_the_outcome_is_in_every_key(fields):
    results = work(job(arms=["ticket"])).results
    asked = work(job(arms=["ticket"], **fields), known=results).order
    assert len(asked) == len(results)


def train_job(**fields):
    sent = {"kind": "train", "dataset": "digits", "model": "lenet_300_100"}
    return resolve(SPEC.validate_python(sent | fields), DIGITS_LIKE, "cpu")


def test_patience_is_in_the_key_of_a_training_and_none_is_as_left_out():
    keys = {plan(train_job(train={"early_stopping": wanted}), {}).units[0].key for wanted in (None, {"patience": 3})}
    assert len(keys) == 2
    assert plan(train_job(), {}).units[0].key in keys


def test_early_stopping_is_refused_where_a_later_state_is_to_be_kept():
    with pytest.raises(InvalidSpec, match="before step 44, whose state is to be kept"):
        train_job(train={"early_stopping": {"patience": 3}}, rewind={"epoch": 2})


def test_a_name_is_not_in_the_key_but_the_content_is():
    renamed = DIGITS_LIKE.model_copy(update={"name": "dst_mine", "source": "upload"})
    changed = DIGITS_LIKE.model_copy(update={"fingerprint": "e" * 64})
    spec = SPEC.validate_python({"kind": "train", "dataset": "digits", "model": "lenet_300_100"})
    keys = [plan(resolve(spec, facts, "cpu"), {}).units[0].key for facts in (DIGITS_LIKE, renamed, changed)]
    assert keys[0] == keys[1] != keys[2]


def test_the_chain_comes_before_the_controls():
    asked = job(replicates=1, method=at_rate("0.5"))
    results = {}
    for unit in plan(asked, {}).units:
        results[unit.key] = fabricated(unit, results)
    for unit in plan(asked, results).units:
        results[unit.key] = fabricated(unit, results)
    assert [unit.kind for unit in plan(asked, results).units] == ["level", "control", "control"]


def test_progress_goes_by_cost_and_never_falls():
    asked, results, seen = job(method=at_rate("0.5")), {}, []
    while isinstance(answer := plan(asked, results), Pending):
        seen.append(answer.progress)
        results[answer.units[-1].key] = fabricated(answer.units[-1], results)
    fractions = [progress.fraction for progress in (*seen, answer.progress)]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)


def test_rates_by_layer_learn_the_counts_from_the_first_result():
    by_layer = {"scope": "layer", "schedule": {"name": "iterative", "rate": {"linear": "0.2", "output": "0.1"}}}
    found = work(job(method=by_layer))
    *before, last = found.outcome.levels
    assert last.zeros == round(0.9 * last.prunable)
    assert len(found.results) == 3 + 3 * 3 * len(before)


def test_the_claims_come_from_validation_and_the_verdict_from_test():
    def score(unit):
        return {"train": 350, "level": 350 if unit.kind == "level" and unit.inputs.depth <= 2 else 300}.get(
            unit.kind, 250
        )

    outcome = work(job(method=at_rate("0.5")), scored(score)).outcome
    assert outcome.result.sparsest_matching is not None
    assert outcome.result.sparsest_matching.level == 2
    assert outcome.result.sparsest_matching.verdict == "winning"
    assert outcome.result.target.verdict == "not_matching"


def test_no_level_that_holds_is_no_claim():
    outcome = work(job(method=at_rate("0.5")), scored(lambda unit: 350 if unit.kind == "train" else 200)).outcome
    assert outcome.result.sparsest_matching is None


def test_two_replicates_say_how_many_are_wanted():
    outcome = work(job(method=at_rate("0.5"), replicates=1)).outcome
    assert outcome.result.target.verdict == "inconclusive"
    assert outcome.result.target.replicates_wanted == 3


def with_last_changed(asked, **changes):
    """All results of a job, that of its last unit with other fields."""
    found = work(asked)
    last = found.order[-1].key
    return found.results | {last: found.results[last].model_copy(update=changes)}


def test_a_failed_check_of_one_unit_fails_the_audit():
    asked = job(replicates=1, arms=["ticket"], method={"schedule": "one_shot"})
    bad = Check(name="masked_weights_zero", ok=False, evidence="3 weights are not 0")
    answer = plan(asked, with_last_changed(asked, checks=(bad,)))
    assert isinstance(answer, Finished)
    assert [check.name for check in answer.outcome.failed_checks] == ["masked_weights_zero"]
    assert "3 weights" in answer.outcome.failed_checks[0].evidence


def test_an_arm_that_trained_longer_fails_the_audit():
    """Trap 31: budgets that differ without a word."""
    asked = job(replicates=1, arms=["ticket"], method={"schedule": "one_shot"})
    answer = plan(asked, with_last_changed(asked, total_steps=1))
    assert [check.name for check in answer.outcome.failed_checks] == ["equal_budget"]


@pytest.mark.parametrize("retraining", ["lr_rewind", "fine_tune"])
def test_keeping_the_trained_weights_matches_at_most_and_says_how_long_it_trained(retraining):
    asked = job(method=at_rate("0.5") | {"retraining": retraining})
    outcome = work(asked, scored(lambda unit: 340 if unit.kind != "control" else 200)).outcome
    assert {row.verdict for row in outcome.levels[1:]} == {"matching"}
    assert outcome.failed_checks == ()
    steps = {(row["arm"], row["level"]): row["total_steps"] for row in outcome.certificate["networks"]}
    assert steps["ticket", 3] == 4 * asked.steps
    assert steps["random_mask", 3] == 2 * asked.steps
    assert steps["random_reinit", 3] == steps["dense", 0] == asked.steps


def test_only_rewinding_takes_a_rewind_point():
    with pytest.raises(ValueError, match="leave `rewind` out"):
        job(method={"retraining": "lr_rewind", "rewind": {"epoch": 1}})


def test_restarting_the_schedule_matches_at_most():
    method = {"schedule": {"name": "iterative", "rate": "0.5"}, "rewind": {"epoch": 1, "lr": "restart"}}
    outcome = work(job(method=method), scored(lambda unit: 250 if unit.kind == "control" else 350)).outcome
    assert outcome.result.target.verdict == "matching"
    assert not outcome.failed_checks


def test_the_table_has_a_row_for_every_network():
    asked = job(method=at_rate("0.5"))
    found = work(asked)
    dense, *levels = found.outcome.levels
    assert len(table(asked, found.results)) == len(found.results)
    assert [row.level for row in levels] == [1, 2, 3, 4]
    assert dense.verdict is None
    assert set(dense.arms) == {"dense"}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"model": "lenet_300_10"}, "Did you mean 'lenet_300_100'"),
        ({"method": {"scope": {"name": "erk", "exclude": ["fc9"]}}}, "no layer 'fc9'"),
        ({"method": {"scope": {"name": "global", "exclude": ["linear", "output"]}}}, "nothing is left to prune"),
        (
            {"method": {"retraining": "fine_tune", "criterion": {"name": "snip", "at": "rewind"}}},
            "no rewind point to score at",
        ),
        ({"model": {"name": "resnet20", "dropout": 0.1}}, "resnet20 has no place for dropout.*conv2"),
        ({"method": {"criterion": "magnitud"}}, "no criterion 'magnitud'. Did you mean 'magnitude'"),
        ({"method": {"criterion": {"name": "snip", "alpha": 2}}}, "snip has no alpha"),
        ({"train": {"batch_size": 5000}}, "training split has 1296"),
        ({"train": {"epochs": 1}, "method": {"rewind": {"epoch": 1}}}, "leaves nothing to train"),
        ({"target": {"sparsity": "0.999999"}}, "Of 50,200 prunable weights a sparsity of 0.999999 masks all"),
        ({"target": {"sparsity": "0.000001"}}, "masks none of them: ask for more"),
        (
            {"target": {"sparsity": "0.9996"}, "method": {"scope": {"exclude": ["linear"]}}},
            "Of 1,000 prunable weights a sparsity of 0.9996 masks all",
        ),
        ({"train": {"epochs": 3, "lr_schedule": {"name": "step", "epochs": [3]}}}, "before the end"),
        ({"train": {"epochs": 3, "warmup": {"epochs": 4}}}, "warm-up takes 88 steps, but training ends at step 66"),
        ({"train": {"lr_schedule": "cosine"}, "method": {"retraining": "fine_tune"}}, "it would train nothing"),
        ({"train": {"lr_schedule": "cosine"}, "arms": ["ticket", "fine_tuned"]}, "it would train nothing"),
        ({"dataset": {"name": "digits", "fingerprint": "x"}}, "content has changed"),
        ({"target": {"sparsity": "0.999"}, "method": at_rate("0.001")}, "more than 200 levels"),
        ({"target": {"sparsity": "0.99"}, "method": at_rate("0.03"), "replicates": 100}, "5000 at most"),
        ({"method": {"scope": "layer", "schedule": {"name": "iterative", "rate": {"linear": "0.2"}}}}, "No rate for"),
        (
            {"method": {"scope": "layer", "schedule": {"name": "iterative", "rate": {"fc9": "0.2", "linear": "0.2"}}}},
            "no layer 'fc9'",
        ),
    ],
)
def test_what_cannot_be_met_is_refused_with_a_way_out(fields, says):
    """Trap 28: asked for, not possible, and left out without a word."""
    with pytest.raises(InvalidSpec, match=says):
        job(**fields)
