"""Gradual pruning in a job: one level, on a cubic ramp to the very target."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fabricated import SIZES
from tests.support.planned import job, scored, work
from winnow.contract.counts import zeros_for
from winnow.contract.problems import InvalidSpec
from winnow.contract.recipes import Ramp
from winnow.contract.results import TensorCount
from winnow.contract.specs.jobs import SPEC
from winnow.plan import places
from winnow.plan.gradual import counts_at, prunings, share_of_target

EPOCH = 22  # steps: 1,296 images in batches of 60


def gradual(scope="global", target="0.9", rewind=0, **schedule):
    sent = {"name": "gradual", "end": {"epoch": 9}} | schedule
    sparsity = None if target is None else {"sparsity": target}
    return job(target=sparsity, method={"schedule": sent, "scope": scope, "rewind": {"epoch": rewind}})


def keys(asked):
    return [place.unit.key for place in places(asked, {})]


def test_it_is_one_level_with_its_controls_and_matches_at_most():
    found = work(gradual(), scored(lambda unit: 200 if unit.kind == "control" else 340))
    assert len(found.results) == 3 * (1 + 1 + 2)
    assert [(row.level, row.zeros) for row in found.outcome.levels] == [(0, 0), (1, zeros_for(Decimal("0.9"), 1410))]
    assert found.outcome.result.target.verdict == "matching"
    assert not found.outcome.failed_checks


def test_the_ramp_is_the_papers():
    """Zhu & Gupta 2017, equation 1, with s_i = 0: at half of the way seven eighths are gone, as 1 − (1 − ½)³."""
    ramp = Ramp(begin=10, end=50, every=10)
    assert list(prunings(ramp)) == [20, 30, 40, 50]
    assert [float(share_of_target(ramp, step)) for step in (10, 20, 30, 40, 50)] == [0, 0.578125, 0.875, 0.984375, 1]


TENSORS = tuple(TensorCount(name=name, kind=kind, shape=(1, size), zeros=0) for name, kind, size in SIZES)


@given(
    st.sampled_from(["global", "layer", "erk", {"linear": 0.1, "output": 0.4}]),
    st.decimals("0.01", "0.99", places=3),
    st.integers(1, 9),
)
def test_counts_are_exact_at_each_pruning_and_only_grow(scope, target, times):
    by_layer = isinstance(scope, dict)
    asked = gradual(scope, None if by_layer else target, end={"step": 10 * times}, every={"steps": 10})
    inputs = next(place.unit.inputs for place in places(asked, {}) if place.arm == "ticket")
    tensors, found = TENSORS, []
    for step in prunings(inputs.ramp):
        counts = counts_at(inputs, inputs.ramp, step, tensors)
        zeros = counts.by_tensor or (min(counts.total, 1000), min(max(counts.total - 1000, 0), 333), 0)
        if counts.by_tensor:
            assert sum(zeros) == counts.total
            assert all(now >= tensor.zeros for now, tensor in zip(zeros, tensors, strict=True))
        if not by_layer:
            share = 1 - (1 - Decimal(step) / (10 * times)) ** 3
            assert abs(counts.total - share * target * 1410) <= Decimal("0.501")
        tensors = tuple(t.model_copy(update={"zeros": z}) for t, z in zip(tensors, zeros, strict=True))
        found.append(counts.total)
    assert found == sorted(found)
    assert found[-1] == (900 + 300 + 46 if by_layer else zeros_for(target, 1410))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (gradual(), gradual(begin={"epoch": 0}, every={"epochs": 1})),
        (gradual(), gradual(end={"step": 9 * EPOCH}, every={"steps": EPOCH})),
        (gradual(rewind=2, end={"epoch": 8}), gradual(rewind=2, begin={"epoch": 2}, end={"epoch": 8})),
    ],
)
def test_two_ways_to_say_one_thing_are_the_same_units(one, other):
    assert keys(one) == keys(other)


def test_another_ramp_is_another_level_of_the_same_dense_network():
    one, two = set(keys(gradual())), set(keys(gradual(every={"epochs": 3})))
    assert len(one & two) == 3
    assert len(one & set(keys(job(method={"schedule": "one_shot"})))) == 3


def test_what_is_stored_is_read_back_as_it_is():
    asked = gradual()
    assert type(asked).model_validate_json(asked.model_dump_json()) == asked


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"rewind": 1, "begin": {"epoch": 0}}, "begin at step 0, but training starts from the rewind point, step 22"),
        ({"end": {"epoch": 20}}, "end at step 440, but training ends at step 440: nothing would be trained under"),
        ({"end": {"step": 50}}, "From step 0 to step 50 is no whole number of times 22 steps"),
        ({"begin": {"epoch": 9}}, "begins at step"),
    ],
)
def test_what_cannot_be_met_is_refused_with_a_way_out(fields, says):
    with pytest.raises(InvalidSpec, match=says):
        gradual(**fields)


GRADUAL = {"name": "gradual", "end": {"epoch": 9}}


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ({"schedule": "gradual"}, "end"),
        ({"schedule": {"name": "gradual", "end": {}}}, "give epoch or step"),
        ({"schedule": GRADUAL | {"every": {"steps": 1, "epochs": 1}}}, "give epochs or steps"),
        ({"schedule": GRADUAL, "criterion": {"name": "snip", "at": "rewind"}}, "leave `at` out"),
        ({"schedule": GRADUAL, "granularity": "2:4"}, "pruned at once"),
        ({"schedule": GRADUAL, "rewind": "auto"}, "has to know where it begins"),
    ],
)
def test_what_contradicts_itself_is_refused_where_it_is_sent(method, says):
    with pytest.raises(ValueError, match=says):
        SPEC.validate_python({"kind": "prune", "dataset": "digits", "model": "lenet_300_100", "method": method})
