"""The plan on its own: it ends, asks for nothing twice, and does not care in which order results arrive."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fabricated import DIGITS_LIKE, fabricated
from tests.support.planned import at_rate, job, some_of, work
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.contract.values import canonical_json
from winnow.plan import Finished, Pending, plan, resolve
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


def test_only_rewinding_takes_a_rewind_point():
    with pytest.raises(ValueError, match="leave `rewind` out"):
        job(method={"retraining": "lr_rewind", "rewind": {"epoch": 1}})


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
        (
            {"model": "torchvision/mobilenet_v3_small", "dataset": {"name": "digits", "size": [33, 33]}}
            | {"method": {"criterion": "synflow"}},
            "synflow cannot score torchvision/mobilenet_v3_small: its sigmoid gates saturate",
        ),
        ({"train": {"batch_size": 5000}}, "training split has 1296"),
        (
            {"model": "conv2", "dataset": {"name": "digits", "size": [256, 256]}},
            "has 268,541,642 values, and no ticket holds more than 268,435,456",
        ),
        ({"train": {"epochs": 1}, "method": {"rewind": {"epoch": 1}}}, "leaves nothing to train"),
        ({"target": {"sparsity": "0.999999"}}, "Of 50,200 prunable weights a sparsity of 0.999999 masks all"),
        ({"target": {"sparsity": "0.000001"}}, "masks none of them: ask for more"),
        (
            {"target": {"sparsity": "0.9996"}, "method": {"scope": {"exclude": ["linear"]}}},
            "Of 1,000 prunable weights a sparsity of 0.9996 masks all",
        ),
        ({"train": {"epochs": 3, "lr_schedule": {"name": "step", "epochs": [3]}}}, "before the end"),
        ({"train": {"augment": {"crop": 8}}}, "Padded by 8 pixels, a crop may show nothing of an image of 8×8"),
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


@pytest.mark.parametrize("milestones", [{"epochs": [3, 3]}, {"steps": [5, 9, 5]}])
def test_a_milestone_is_named_once(milestones):
    with pytest.raises(ValueError, match="name each milestone once"):
        job(train={"lr_schedule": {"name": "step"} | milestones})
