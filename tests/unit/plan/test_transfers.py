"""A transfer's plan: it ends, asks for nothing twice, and judges its arms as the design says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.brought import brought_unit
from tests.support.fabricated import fabricated
from tests.support.planned import scored, some_of, work
from tests.support.transfers import HIGH, LOW, source_job, source_units, transfer_job
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.contract.specs.transfer import TRANSFER_ARMS
from winnow.contract.units import Unit
from winnow.contract.values import canonical_json
from winnow.plan import Pending, places, plan, resolve, table

TRAIN = {"kind": "train", "dataset": {"name": "digits", "classes": LOW}, "model": "digits_cnn", "train": {"steps": 12}}
TICKET_ARMS = ["mask_init", "mask_rewound", "mask_trained"]


def known_of(source):
    """Results of a model's unit and of those it stands on; the rest of its job is somebody else's."""
    results = {}
    if source[0].kind == "brought":
        model = fabricated(places(source_job(), {})[0].unit, {})
        zeros = 100 if source[0].inputs.zeros else 0
        tensors = tuple(tensor.model_copy(update={"zeros": zeros // 2}) for tensor in model.tensors)
        return {source[0].key: model.model_copy(update={"tensors": tensors})}
    job = source_job() if source[0].kind == "level" else dense_job()
    for place in places(job, {}):
        results[place.unit.key] = fabricated(place.unit, results)
    return {unit.key: results[unit.key] for unit in source}


def dense_job():
    return resolve(SPEC.validate_python(TRAIN), DATASETS["digits"], "cpu")


def dense():
    return (places(dense_job(), {})[0].unit,)


def worked(asked, score=lambda _arm: 150, **given):
    """The job done, every network of an arm with so many test images right."""
    arm_of = {place.unit.key: place.arm for place in places(asked, {})}
    return work(asked, scored(lambda unit: score(arm_of[unit.key])), known=known_of(asked.source), **given)


specs = st.fixed_dictionaries(
    {
        "arms": st.lists(st.sampled_from(TRANSFER_ARMS), min_size=1, unique=True).filter(lambda a: a != ["own_ticket"]),
        "replicates": st.integers(1, 3),
        "seed": st.integers(0, 3),
        "trainable": st.sampled_from(["all", "head", ["conv2"], ["fc1", "fc2"]]),
        "dataset": st.sampled_from([{"name": "digits", "classes": HIGH}, {"name": "digits", "classes": LOW}]),
    }
)


@settings(deadline=None, max_examples=15)
@given(specs, st.randoms(use_true_random=False))
def test_it_ends_and_the_order_of_results_does_not_matter(fields, random):
    asked = transfer_job(**fields)
    found = worked(asked)
    shuffled = worked(asked, choose=some_of(random))
    assert len({unit.key for unit in found.order}) == len(found.order)
    assert shuffled.results.keys() == found.results.keys()
    assert canonical_json(shuffled.outcome.certificate) == canonical_json(found.outcome.certificate)
    assert not found.outcome.failed_checks
    shown = [(row.arm, row.replicate) for row in table(asked, found.results) if row.arm in TRANSFER_ARMS]
    assert shown == [(arm, r) for arm in TRANSFER_ARMS if arm in fields["arms"] for r in range(fields["replicates"])]


def test_while_it_runs_the_row_is_that_of_its_first_arm():
    asked = transfer_job(arms=["no_mask", "mask_trained"])
    results = known_of(asked.source)
    by_arm = {place.arm: place.unit for place in places(asked, {})}
    results[by_arm["no_mask"].key] = fabricated(by_arm["no_mask"], results)
    assert isinstance(plan(asked, results), Pending)
    outcome = worked(asked).outcome
    (row,) = outcome.levels
    assert row.model_id == by_arm["mask_trained"].model_id == outcome.result.target.model_id
    assert row.zeros > 0
    assert {model.arm for model in row.models} == {"mask_trained", "no_mask"}


def test_an_arm_more_and_a_replicate_more_ask_only_for_themselves():
    first = {place.unit.key for place in places(transfer_job(arms=["mask_trained"], trainable="head"), {})}
    more = transfer_job(arms=["mask_trained", "no_mask"], trainable="head", replicates=2)
    added = [place for place in places(more, {}) if place.unit.key not in first]
    assert sorted((place.arm, place.replicate) for place in added) == [
        ("features", 0),  # those of no_mask; both replicates of an arm have the same
        ("mask_trained", 1),
        ("no_mask", 0),
        ("no_mask", 1),
    ]


def arms_of(source, **changes):
    return transfer_job(source, arms=None, **changes).spec.arms


def test_arms_unless_they_are_named():
    assert arms_of(None) == ("mask_trained", "no_mask", "random_mask", "mask_random")
    assert arms_of((brought_unit(b"x", zeros="masked"),)) == ("mask_trained", "no_mask", "random_mask", "mask_random")
    assert arms_of(dense()) == ("no_mask", "mask_random")
    assert arms_of((brought_unit(b"x"),)) == ("no_mask", "mask_random")


def unit_of(job, arm) -> Unit:
    return next(place.unit for place in places(job, {}) if place.arm == arm)


@pytest.mark.parametrize(("ticket", "values"), [("mask_init", "init"), ("mask_rewound", "rewound")])
def test_the_controls_start_from_the_tickets_values(ticket, values):
    job = transfer_job(arms=[ticket, "no_mask", "random_mask", "mask_random"])
    begins = {arm: unit_of(job, arm).inputs.begin for arm in job.spec.arms}
    assert {arm: (begin.values, begin.mask) for arm, begin in begins.items()} == {
        ticket: (values, "ticket"),
        "no_mask": (values, None),
        "random_mask": (values, "shuffled"),
        "mask_random": ("random", "ticket"),
    }


def test_of_several_tickets_the_first_is_the_jobs():
    job = transfer_job(arms=["mask_trained", "mask_init", "no_mask"])
    assert job.spec.arms == ("mask_init", "mask_trained", "no_mask")
    assert unit_of(job, "no_mask").inputs.begin.values == "init"


def test_a_rewind_point_at_step_0_is_where_the_model_began():
    source = source_units(source_job(method={"schedule": "one_shot", "rewind": {"step": 0}}))
    rewound, init = (unit_of(transfer_job(source, arms=[arm]), arm) for arm in ("mask_rewound", "mask_init"))
    assert rewound.key == init.key
    with pytest.raises(InvalidSpec, match="mask_init and mask_rewound begin with the same values"):
        transfer_job(source, arms=["mask_init", "mask_rewound"])


def judged(source, scores, arms, **changes):
    """The verdict where every replicate of an arm has so many of the test images right."""
    asked = transfer_job(source, arms=arms, replicates=3, **changes)
    return worked(asked, score=lambda arm: scores.get(arm, 0)).outcome.result.target


FOUR = ["mask_trained", "no_mask", "random_mask", "mask_random"]


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [
        ({"mask_trained": 300, "no_mask": 300, "random_mask": 250, "mask_random": 250}, "winning"),
        ({"mask_trained": 300, "no_mask": 300, "random_mask": 300, "mask_random": 250}, "matching"),
        ({"mask_trained": 300, "no_mask": 300, "random_mask": 250, "mask_random": 300}, "matching"),
        ({"mask_trained": 250, "no_mask": 300, "random_mask": 100, "mask_random": 100}, "not_matching"),
    ],
)
def test_the_verdict_compares_the_ticket_with_no_mask_and_wants_it_above_both_controls(scores, wanted):
    assert judged(None, scores, FOUR).verdict == wanted


def test_the_ticket_of_the_verdict_is_the_first_of_the_three():
    scores = {"mask_init": 250, "mask_rewound": 300, "mask_trained": 300, "no_mask": 300}
    assert judged(None, scores, [*TICKET_ARMS, "no_mask"]).verdict == "not_matching"
    assert judged(None, scores, ["mask_rewound", "mask_trained", "no_mask"]).verdict == "matching"


@pytest.mark.parametrize(("random_mask", "wanted"), [(250, "winning"), (300, "matching")])
def test_of_a_brought_network_the_random_mask_alone_decides_winning(random_mask, wanted):
    brought = (brought_unit(b"x", zeros="masked"),)
    scores = {"mask_trained": 300, "no_mask": 300, "random_mask": random_mask, "mask_random": 300}
    assert judged(brought, scores, FOUR, dataset="digits").verdict == wanted
    assert judged(brought, scores, FOUR[:3], dataset="digits").verdict == wanted


@pytest.mark.parametrize("arms", [["mask_trained", "random_mask"], ["no_mask"], ["mask_random", "no_mask"]], ids=repr)
def test_without_a_ticket_or_what_it_is_measured_by_there_is_no_verdict(arms):
    assert judged(None, {}, arms).verdict is None


@pytest.mark.parametrize(
    ("trainable", "ticket", "wanted"),
    [("head", "mask_trained", None), (["conv2"], "mask_trained", "winning"), ("head", "mask_rewound", "winning")],
)
def test_that_a_network_matches_itself_is_no_verdict(trainable, ticket, wanted):
    """What a trained ticket masks is 0: where all of that is frozen, it stays so without the mask, too."""
    scores = {ticket: 300, "no_mask": 300, "random_mask": 250, "mask_random": 250}
    assert judged(None, scores, list(scores), trainable=trainable).verdict == wanted


def test_a_carried_head_trains_under_its_mask_so_that_without_it_another_network_trains():
    scores = {"mask_trained": 300, "no_mask": 300, "random_mask": 250, "mask_random": 250}
    brought = (brought_unit(b"x", zeros="masked"),)
    assert judged(brought, scores, FOUR, dataset="digits", trainable="head").verdict == "winning"


def test_too_few_replicates_are_inconclusive_and_the_claim_says_how_many_would_do():
    outcome = worked(transfer_job(arms=FOUR, replicates=1)).outcome
    assert outcome.result.target.verdict == "inconclusive"
    assert outcome.result.target.replicates_wanted == 3


def test_the_certificate_names_every_network_and_no_features():
    asked = transfer_job(trainable="head", arms=["mask_rewound", "no_mask"])
    outcome = worked(asked).outcome
    assert [network["arm"] for network in outcome.certificate["networks"]] == [
        "source",
        "source",
        "mask_rewound",
        "no_mask",
    ]
    assert outcome.certificate["asked"]["trainable"] == "head"


def test_an_arm_that_trains_longer_fails_the_audit():
    asked = transfer_job(arms=["mask_trained", "no_mask"])
    found = worked(asked)
    assert "every arm trains 12 steps" in [check["evidence"] for check in found.outcome.certificate["audit"]]
    last = found.order[-1].key
    longer = found.results | {last: found.results[last].model_copy(update={"total_steps": 13})}
    (failed,) = plan(asked, longer).outcome.failed_checks
    assert (failed.name, failed.evidence) == ("equal_budget", "no_mask at level 1: 13 steps")


def test_dropout_is_named_among_what_trains():
    plain, dropping = (
        unit_of(transfer_job(trainable="head", model={"name": "mdl_source", "dropout": rate}), "no_mask")
        for rate in ("0", "0.3")
    )
    assert plain.inputs.trainable == ("fc2",)
    assert dropping.inputs.trainable == ("fc2", "relu3")
    assert plain.parents["features"] != dropping.parents["features"]


TINY = {"name": "digits", "size": [5, 5]}


@pytest.mark.parametrize(
    ("source", "fields", "says"),
    [
        (None, {"trainable": ["conv9"]}, "no module 'conv9' with weights. Known are: conv1, conv2, fc1, fc2"),
        (None, {"trainable": ["relu1"]}, "no module 'relu1'"),
        (dense(), {"arms": ["mask_init", "no_mask"]}, "masks nothing, so there is no mask_init"),
        (dense(), {"arms": ["random_mask"]}, "masks nothing, so there is no random_mask"),
        ((brought_unit(b"x", zeros="masked"),), {"arms": ["mask_rewound"]}, "no rewind point: leave mask_rewound out"),
        ((brought_unit(b"x", zeros="masked"),), {"arms": ["mask_init", "mask_trained"]}, "name one of them"),
        (
            (brought_unit(b"x", architecture="lenet_300_100"),),
            {"arms": None, "dataset": {"name": "digits", "size": [9, 9]}},
            "1 channel.* and 8×8 pixels",
        ),
        (None, {"dataset": {"name": "digits", "channels": 3}}, "1 channel"),
        ((brought_unit(b"x", architecture="resnet20"),), {"arms": None, "dataset": TINY}, "at least 8×8"),
        (None, {"train": {"batch_size": 5000}}, "training split has"),
        ((), {}, "no model: a transfer wants one"),
    ],
)
def test_what_cannot_be_met_is_refused_with_a_way_out(source, fields, says):
    with pytest.raises(InvalidSpec, match=says):
        transfer_job(source, **fields)


def test_dropout_without_a_place_for_it_is_refused():
    source = source_units(source_job(model="resnet20", method={"schedule": "one_shot"}))
    with pytest.raises(InvalidSpec, match="resnet20 has no place for dropout"):
        transfer_job(source, model={"name": "mdl_source", "dropout": "0.5"})


def test_a_carried_network_carried_on_has_no_values_but_those_it_ended_with():
    first = transfer_job(arms=["mask_trained"])
    carried = places(first, {})[-1].unit
    with pytest.raises(InvalidSpec, match="take mask_trained"):
        transfer_job((carried, *first.source), arms=["mask_init"])
    train = {"steps": 7}
    again = transfer_job((carried, *first.source), arms=["mask_trained", "no_mask"], train=train)
    assert unit_of(again, "mask_trained").parents == {"model": carried.key}
    before = known_of(first.source)
    results = before | {carried.key: fabricated(carried, before)}
    results |= {place.unit.key: fabricated(place.unit, results) for place in places(again, {})[1:]}
    outcome = plan(again, results).outcome
    assert not outcome.failed_checks
    assert [model.arm for model in outcome.levels[0].models] == ["mask_trained", "no_mask"]


def test_a_model_whose_training_began_with_another_models_values_has_no_values_of_step_0():
    """Fresh ones drawn by its recipe would not be those that it began with."""
    begun = brought_unit(b"x", classes=tuple(LOW))
    spec = SPEC.validate_python(source_job().spec.model_dump() | {"model": {"name": "mdl_source"}})
    job = resolve(spec, DATASETS["digits"], "cpu", (begun,))
    dense = fabricated(places(source_job(), {})[0].unit, {})
    results = {place.unit.key: dense for place in places(job, {})}
    by_key = {place.unit.key: place.unit for place in places(job, results)}
    ticket = list(by_key.values())[-1]
    pruned = (ticket, *(by_key[key] for key in ticket.parents.values()))
    with pytest.raises(InvalidSpec, match="began with another model's values"):
        transfer_job(pruned, arms=["mask_init"])
    job = transfer_job(pruned, arms=["mask_rewound", "no_mask"])
    assert unit_of(job, "no_mask").inputs.begin.values == "rewound"
    assert unit_of(job, "no_mask").parents["start"] == pruned[0].parents["start"]


@pytest.mark.parametrize(
    "fields",
    [
        {"train": {"early_stopping": {"patience": 3}}},
        {"arms": ["no_mask", "no_mask"]},
        {"arms": []},
        {"arms": ["own_ticket"]},
        {"trainable": "tail"},
        {"method": {}},
    ],
    ids=repr,
)
def test_what_no_transfer_has_is_refused_when_it_is_read(fields):
    with pytest.raises(ValueError, match=r"early_stopping|once|arms|trainable|method"):
        transfer_job(**fields)


def test_a_ticket_of_ones_own_is_that_of_a_prune_job_on_the_target():
    """The very units of a job that prunes the target as the model was pruned."""
    asked = transfer_job(arms=["mask_trained", "own_ticket"])
    own = [place.unit.key for place in places(asked, {}) if place.arm in ("own_chain", "own_ticket")]
    pruned = source_job(dataset={"name": "digits", "classes": HIGH})
    assert own == [place.unit.key for place in places(pruned, {})]


def test_a_ticket_of_ones_own_has_its_row_and_no_say_in_the_verdict():
    asked = transfer_job(arms=["mask_trained", "no_mask", "own_ticket"], replicates=3)
    outcome = worked(asked).outcome
    (row,) = outcome.levels
    assert row.arms["own_ticket"].n == 3
    worse = worked(asked, score=lambda arm: 1 if arm == "own_ticket" else 150).outcome
    assert worse.levels[0].verdict == row.verdict
    assert not worse.failed_checks


def test_where_it_is_the_model_itself_it_is_shown_as_what_it_is_held_against():
    job = source_job()
    fields = {"dataset": {"name": "digits", "classes": LOW}, "replicates": 1, "threads": 1}
    asked = transfer_job(arms=["own_ticket", "mask_trained"], **fields)
    (own,) = [place.unit for place in places(asked, {}) if place.arm == "own_ticket"]
    assert own == source_units(job)[0]
    (row,) = worked(asked).outcome.levels
    assert row.model_id == unit_of(asked, "mask_trained").model_id, "the job's model is one that was carried"


@pytest.mark.parametrize(
    ("source", "changes", "says"),
    [
        (dense(), {"arms": ["no_mask", "own_ticket"]}, "no level of a prune job"),
        (None, {"arms": ["own_ticket", "no_mask"], "train": {"steps": 5}}, "still to come at step 5"),
    ],
)
def test_a_ticket_of_ones_own_that_cannot_be_found_is_refused(source, changes, says):
    with pytest.raises(InvalidSpec, match=says):
        transfer_job(source, **changes)


def test_the_chain_of_an_own_ticket_has_its_levels() -> None:
    known = [place for place in places(transfer_job(arms=["mask_trained", "own_ticket"]), {}) if place.replicate == 0]
    assert [place.level for place in known if place.arm == "own_chain"] == [0, 1]
