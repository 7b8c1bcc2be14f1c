"""Pruning in pieces: N of M says how sparse the ticket gets, and at once; whole channels go level by level."""

import pytest

from tests.support.planned import at_rate, job, scored, work
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.granularity import SemiStructured
from winnow.contract.specs.jobs import SPEC
from winnow.plan import places


def grouped(**method):
    return job(target=None, method=method)


def keys(asked):
    return [place.unit.key for place in places(asked, {})]


def test_one_level_masks_the_same_share_of_each_layer_that_has_whole_groups():
    """Of 1,000, 333 and 77 inputs only the first are fours."""
    found = work(grouped(granularity="1:4"))
    assert [row.zeros for row in found.outcome.levels] == [0, 750]
    assert len(found.results) == 3 * (1 + 1 + 2)
    assert not found.outcome.failed_checks


@pytest.mark.parametrize(
    "method",
    [
        {"granularity": {"name": "n_m", "keep": 2, "of": 4}},
        {"granularity": "2:4", "schedule": "one_shot"},
        {"granularity": "2:4", "scope": "global"},
    ],
)
def test_two_ways_to_say_one_thing_are_the_same_units(method):
    assert keys(grouped(**method)) == keys(grouped(granularity="2:4"))


def test_other_groups_are_other_levels_and_other_controls():
    one, two = set(keys(grouped(granularity="2:4"))), set(keys(grouped(granularity="4:8")))
    assert len(one & two) == 3, "the dense networks"
    assert not one & set(keys(job(target={"sparsity": 0.5}, method={"schedule": "one_shot"}))) - two


def test_what_is_stored_is_read_back_as_it_is():
    asked = grouped(granularity="2:4")
    assert type(asked).model_validate_json(asked.model_dump_json()) == asked
    assert asked.spec.method.granularity == SemiStructured(keep=2, of=4)
    assert asked.spec.method.schedule.name == "one_shot"


def test_channels_go_down_the_same_levels_as_single_weights_by_units_of_their_own():
    single, channels = job(method=at_rate("0.5")), job(method=at_rate("0.5") | {"granularity": "channels"})
    assert [place[:3] for place in places(single, {})] == [place[:3] for place in places(channels, {})]
    assert len(set(keys(single)) & set(keys(channels))) == 3, "the dense networks"


def test_the_claim_says_what_was_asked_where_channels_reach_past_it():
    asked = {"target": {"sparsity": 0.7}, "method": {"granularity": "channels", "schedule": "one_shot"}}
    outcome = work(job(**asked)).outcome
    assert outcome.result.target.asked == 0.7
    open_target = {"target": {"max_accuracy_drop": 1}, "method": at_rate("0.5") | {"granularity": "channels"}}
    two_hold = scored(lambda unit: 340 if getattr(unit.inputs, "depth", 0) < 3 else 200)
    outcome = work(job(**open_target), two_hold).outcome
    assert (outcome.result.target.level, outcome.result.target.asked) == (2, None)
    outcome = work(job(**asked | {"method": {"schedule": "one_shot"}})).outcome
    assert outcome.result.target.asked is None


def test_where_no_layer_has_whole_groups_it_says_what_to_do():
    with pytest.raises(InvalidSpec, match="multiple of 31 inputs: nothing can be pruned to 2:31"):
        grouped(granularity="2:31")
    with pytest.raises(InvalidSpec, match="No layer of lenet_300_100 that may be pruned"):
        grouped(granularity="2:32", scope={"exclude": ["fc1.weight"]})
    assert grouped(granularity="2:32", scope={"exclude": ["fc2.weight"]})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"method": {"granularity": "4:4"}}, "keep fewer than all 4"),
        ({"method": {"granularity": "2:33"}}, "less than or equal to 32"),
        ({"method": {"granularity": "0:4"}}, "greater than or equal to 1"),
        ({"method": {"granularity": "two of four"}}, "'n_m', 'channels'"),
        ({"method": {"granularity": "channels", "scope": "erk"}}, "a channel goes through several layers"),
        ({"method": {"granularity": "channels", "scope": {"linear": 0.5}}}, "a channel goes through several layers"),
        ({"method": {"granularity": "2:4"} | at_rate(0.2)}, "2:4 is pruned at once: leave out schedule"),
        ({"method": {"granularity": "2:4", "scope": "layer"}}, "same share from each layer: leave out scope"),
        ({"method": {"granularity": "2:4"}, "target": {"sparsity": 0.5}}, "leave out target: the granularity 2:4 says"),
    ],
)
def test_what_contradicts_itself_is_refused_where_it_is_sent(fields, says):
    with pytest.raises(ValueError, match=says):
        SPEC.validate_python({"kind": "prune", "dataset": "digits", "model": "lenet_300_100"} | fields)
