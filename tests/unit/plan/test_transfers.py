"""A transfer's plan: it ends, asks for nothing twice, and begins each arm as the design says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.brought import brought_unit
from tests.support.fabricated import fabricated
from tests.support.planned import some_of
from tests.support.transfers import (
    HIGH,
    LOW,
    dense,
    known_of,
    pruned_from,
    source_job,
    source_units,
    transfer_job,
    unit_of,
    worked,
)
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.contract.specs.transfer import TRANSFER_ARMS
from winnow.contract.values import canonical_json
from winnow.plan import Pending, places, plan, table
from winnow.plan.modules import settled_trainable
from winnow.plan.sources import pretrained

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
    pruned = source_units(pruned_from((brought_unit(b"x", classes=tuple(LOW)),)))
    with pytest.raises(InvalidSpec, match=r"began with another model's values.* take mask_rewound for"):
        transfer_job(pruned, arms=["mask_init"])
    job = transfer_job(pruned, arms=["mask_rewound", "no_mask"])
    assert unit_of(job, "no_mask").inputs.begin.values == "rewound"
    assert unit_of(job, "no_mask").parents["start"] == pruned[0].parents["start"]


def test_a_state_that_was_kept_at_step_0_is_what_the_model_began_with():
    method = {"schedule": {"name": "iterative", "rate": 0.4}, "rewind": {"step": 0}}
    pruned = source_units(pruned_from((brought_unit(b"x", classes=tuple(LOW)),), method=method))
    begin = unit_of(transfer_job(pruned, arms=["mask_init", "no_mask"]), "mask_init").inputs.begin
    assert (begin.values, begin.step, begin.origin) == ("rewound", 0, None)
    with pytest.raises(InvalidSpec, match="same values"):
        transfer_job(pruned, arms=["mask_init", "mask_rewound"])


@pytest.mark.parametrize(
    "fields",
    [
        {"train": {"early_stopping": {"patience": 3}}},
        {"train": {"early_stopping": {"patience": 3}}, "arms": None},
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


def test_one_arm_alone_may_stop_early():
    train = {"steps": 12, "early_stopping": {"patience": 3}}
    assert unit_of(transfer_job(arms=["mask_trained"], train=train), "mask_trained").inputs.recipe.patience == 3


@pytest.mark.parametrize("trainable", ["all", ["fc1"], ["conv2", "fc1"]], ids=repr)
def test_modules_begin_anew_where_they_train(trainable):
    job = transfer_job(arms=["mask_trained", "no_mask"], fresh=["fc1"], trainable=trainable)
    assert {unit_of(job, arm).inputs.begin.fresh for arm in ("mask_trained", "no_mask")} == {("fc1",)}
    assert worked(job).outcome.failed_checks == ()


def test_features_are_shared_by_what_begins_anew_behind_them():
    jobs = [transfer_job(arms=["no_mask"], trainable=["fc1"], **fields) for fields in ({}, {"fresh": ["fc1"]})]
    features = [{place.unit.key for place in places(job, {}) if place.unit.kind == "features"} for job in jobs]
    assert features[0] == features[1]
    assert unit_of(jobs[0], "no_mask").key != unit_of(jobs[1], "no_mask").key


def test_a_head_that_is_named_begins_anew_though_its_classes_are_the_models():
    same = {"name": "digits", "classes": LOW}
    assert unit_of(transfer_job(dataset=same), "mask_trained").inputs.begin.head == (0, 1, 2, 3, 4)
    assert unit_of(transfer_job(dataset=same, fresh=["fc2"]), "mask_trained").inputs.begin.head is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"fresh": ["fc1"], "trainable": "head"}, "'fc1' would keep the values that were drawn for it"),
        ({"fresh": ["fc1"], "trainable": ["conv2"]}, "name it in `trainable` too"),
        ({"fresh": ["fc9"]}, "has no module 'fc9'"),
        ({"trainable": ["fc9"]}, "Known are: conv1, conv2, fc1, fc2"),
    ],
)
def test_a_module_that_cannot_be_so_is_refused(fields, says):
    with pytest.raises(InvalidSpec, match=says):
        transfer_job(**fields)


def test_a_channel_that_reaches_through_all_layers_leaves_none_to_begin_anew():
    method = {"schedule": "one_shot", "granularity": "channels"}
    pruned = source_units(source_job(method=method))
    with pytest.raises(InvalidSpec, match="none begins anew"):
        transfer_job(pruned, fresh=["fc1"])


def test_a_block_may_go_by_the_end_of_its_name():
    """`denseblock3` is `features.denseblock3`; two of one name are told apart."""
    spec = SPEC.validate_python(
        {"kind": "transfer", "dataset": "digits", "model": "mdl_x", "trainable": ["denseblock3"], "arms": ["no_mask"]}
    )
    densenet = pretrained("torchvision/densenet121")
    assert settled_trainable(spec, densenet) == ("features.denseblock3",)
    with pytest.raises(InvalidSpec, match=r"several modules 'conv1'. Name one of: features.denseblock1.denselayer1"):
        settled_trainable(spec.model_copy(update={"trainable": ("conv1",)}), densenet)
