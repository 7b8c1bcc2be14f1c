"""Densities by layer in a job: they are what is asked for, in place of a target."""

from decimal import Decimal

import pytest

from tests.support.fabricated import SIZES
from tests.support.planned import at_rate, job, work
from winnow.contract.counts import zeros_for
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.plan import places

KEPT = {"linear": "0.3", "fc3.weight": "0.5"}
SCOPE = {"name": "densities", "densities": KEPT}


def dense_to(schedule="one_shot", **fields):
    return job(target=None, method={"scope": fields.pop("scope", SCOPE), "schedule": schedule}, **fields)


def keys(asked):
    return [place.unit.key for place in places(asked, {})]


def test_the_last_level_is_each_layers_density_exactly():
    outcome = work(dense_to({"name": "iterative", "levels": 3})).outcome
    assert len(outcome.levels) == 1 + 3
    wanted = [
        zeros_for(1 - share, size)
        for share, (_, _, size) in zip((Decimal("0.3"), Decimal("0.3"), Decimal("0.5")), SIZES, strict=True)
    ]
    assert outcome.levels[-1].zeros == sum(wanted)
    assert not outcome.failed_checks


def test_a_rate_is_how_fast_the_sparsest_layer_goes():
    """0.8 ** 6 is above a density of 0.25, 0.8 ** 7 below."""
    asked = dense_to(at_rate("0.2")["schedule"], scope={"linear": 0.25, "output": 0.5}, arms=["ticket"], replicates=1)
    assert [place.level for place in places(asked, {})] == list(range(8))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (dense_to(), dense_to(scope={"linear": 0.3, "fc3.weight": 0.5})),
        (dense_to(), dense_to(scope={"fc1.weight": 0.3, "fc2.weight": 0.3, "output": 0.5})),
        (dense_to(), dense_to({"name": "iterative", "levels": 1})),
        (dense_to({"name": "iterative", "rate": 0.5}), dense_to({"name": "iterative", "levels": 2})),
    ],
)
def test_two_ways_to_say_one_thing_are_the_same_units(one, other):
    assert keys(one) == keys(other)


@pytest.mark.parametrize("other", [{"linear": 0.3, "output": 0.6}, {"linear": 0.3, "fc2.weight": 0.2, "output": 0.5}])
def test_another_density_is_another_level_of_the_same_dense_network(other):
    one, two = keys(dense_to(replicates=1, arms=["ticket"])), keys(dense_to(scope=other, replicates=1, arms=["ticket"]))
    assert one[0] == two[0]
    assert not set(one[1:]) & set(two[1:])


def test_what_is_stored_is_read_back_as_it_is():
    asked = dense_to()
    assert type(asked).model_validate_json(asked.model_dump_json()) == asked
    assert asked.spec.target is None


@pytest.mark.parametrize(
    ("scope", "says"),
    [
        ({"linear": 0.3}, "No density for fc3.weight: give one for each layer, by name or by kind; 1 keeps all"),
        ({"linear": 0.3, "fc9": 0.5}, "no layer 'fc9'"),
        ({"linear": 1, "output": 1}, "give a density below 1"),
        (SCOPE | {"exclude": ["fc3.weight"]}, "fc3.weight has a density and is excluded"),
    ],
)
def test_what_cannot_be_met_is_refused_with_a_way_out(scope, says):
    with pytest.raises(InvalidSpec, match=says):
        dense_to(scope=scope)


def test_a_rate_that_takes_for_ever_is_refused():
    with pytest.raises(InvalidSpec, match="more than 200 levels"):
        dense_to(at_rate("0.000001")["schedule"])


def test_a_kind_may_be_excluded_and_needs_no_density_then():
    asked = dense_to(scope={"name": "densities", "densities": {"linear": 0.3}, "exclude": ["output"]})
    assert asked.spec.method.scope.densities.keys() == {"fc1.weight", "fc2.weight"}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"target": {"sparsity": 0.5}, "method": {"scope": SCOPE}}, "leave out target: the densities of the layers"),
        ({"method": {"scope": "densities"}}, "give {.name.: .densities."),
        ({"method": {"scope": {"name": "layer", "densities": KEPT}}}, "or neither"),
        ({"method": {"scope": {"linear": 0, "output": 1}}}, "greater than 0"),
        ({"method": {"scope": {"linear": True}}}, "Extra inputs"),
        ({"method": {"scope": SCOPE, "schedule": {"name": "iterative", "rate": {"linear": 0.2}}}}, "give one rate"),
    ],
)
def test_what_contradicts_itself_is_refused_where_it_is_sent(fields, says):
    with pytest.raises(ValueError, match=says):
        SPEC.validate_python({"kind": "prune", "dataset": "digits", "model": "lenet_300_100"} | fields)
