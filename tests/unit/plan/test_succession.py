"""Jobs that begin with another job's model, where only results decide which that is."""

from typing import Any

import pytest

from tests.support.brought import brought_unit
from tests.support.fabricated import DIGITS_LIKE, fabricated
from tests.support.planned import work
from winnow.contract.problems import InvalidSpec
from winnow.contract.results import Line
from winnow.contract.specs.jobs import SPEC
from winnow.plan import Known, Resolved, places, resolve_sent

PRUNE: dict[str, Any] = {
    "kind": "prune",
    "dataset": "digits",
    "model": "lenet_300_100",
    "train": {"epochs": 2},
    "arms": [],
    "replicates": 1,
    "method": {"schedule": {"name": "iterative", "rate": 0.5}},
}
RATES = {"schedule": {"name": "iterative", "rate": {"linear": 0.5, "output": 0.25}}, "scope": "layer"}
OPEN = [
    {"target": {"max_accuracy_drop": 5}},
    {"target": {"max_bytes": 1}},
    {"target": {"sparsity": 0.75}, "method": PRUNE["method"] | {"rewind": "auto"}},
    {"target": {"sparsity": 0.75}, "method": RATES},
]


def after(first: dict[str, Any], **fields: Any) -> Resolved:
    sent = {"kind": "transfer", "dataset": "digits", "model": {"job": PRUNE | first}, "replicates": 1} | fields
    return resolve_sent(sent, SPEC.validate_python, Known(lambda _name: DIGITS_LIKE, lambda _name: (), "cpu"))


def holding(unit, results, levels=2):
    """Tickets hold down to so many levels."""
    depth = getattr(unit.inputs, "depth", 0)
    return fabricated(unit, results, test=350 if depth <= levels else 100)


def arms(job: Resolved, results: Any) -> set[str]:
    return {place.arm for place in places(job, results) if place.unit.kind == "transfer"}


@pytest.mark.parametrize("first", OPEN, ids=["drop", "bytes", "auto", "rates"])
def test_the_ticket_of_a_job_whose_results_decide_of_it_has_the_arms_of_a_ticket(first: dict[str, Any]) -> None:
    assert after(first).spec.arms == ("mask_trained", "no_mask", "random_mask", "mask_random")
    assert after(first, arms=["mask_init", "no_mask"]).spec.arms == ("mask_init", "no_mask")


def test_a_target_that_ends_at_level_0_leaves_what_a_dense_network_has_and_says_so() -> None:
    asked = after(OPEN[0], arms=["mask_trained", "no_mask", "random_mask", "mask_random"])
    found = work(asked, lambda unit, results: holding(unit, results, levels=0))
    assert arms(asked, found.results) == {"no_mask", "mask_random"}
    assert any("there is no mask_trained, random_mask" in note for note in found.outcome.certificate["notes"])
    alone = after(OPEN[0], arms=["mask_trained"])
    assert arms(alone, work(alone, lambda unit, results: holding(unit, results, levels=0)).results) == {"no_mask"}


def test_a_target_that_is_met_leaves_nothing_out() -> None:
    asked = after(OPEN[0])
    found = work(asked, holding)
    assert arms(asked, found.results) == {"mask_trained", "no_mask", "random_mask", "mask_random"}
    assert not any("as the model came out" in note.lower() for note in found.outcome.certificate["notes"])


@pytest.mark.parametrize(
    ("barrier", "left"), [(0, {"mask_init", "no_mask"}), (9, {"mask_init", "mask_rewound", "no_mask"})]
)
def test_two_arms_are_one_where_the_rewind_point_that_is_found_is_the_start(barrier: int, left: set[str]) -> None:
    asked = after(OPEN[2], arms=["mask_init", "mask_rewound", "no_mask"])
    between = Line(correct=(90, 90 - barrier, 90), images=100, statistics_images=0)

    def found(unit, results):
        line = between if unit.kind == "stability" else None
        return fabricated(unit, results).model_copy(update={"line": line})

    assert arms(asked, work(asked, found).results) == left


@pytest.mark.parametrize("first", OPEN, ids=["drop", "bytes", "auto", "rates"])
def test_what_goes_down_levels_that_nobody_knows_is_refused(first: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec, match="give that job a sparsity"):
        after(first, arms=["mask_trained", "no_mask", "own_ticket"])
    with pytest.raises(InvalidSpec, match="sparse already"):
        after(first, kind="prune", method={"granularity": "channels"}, target={"sparsity": 0.5})


def test_a_ticket_found_from_a_dense_model_is_known_before_anything_is_done() -> None:
    """It masks nothing yet, so that no result decides how many levels there are."""
    begun = brought_unit(b"x")
    known = Known(lambda _name: DIGITS_LIKE, lambda _name: (begun,), "cpu")
    first = PRUNE | {"model": "mdl_00000000000000000000000000", "target": {"sparsity": 0.75}}
    sent = {"kind": "transfer", "dataset": "digits", "model": {"job": first}, "arms": ["mask_trained", "own_ticket"]}
    job = resolve_sent(sent | {"replicates": 1}, SPEC.validate_python, known)
    own = [place.unit for place in places(job, {}) if place.arm == "own_chain"]
    assert own == []  # the transfer waits for its model
    assert {place.arm for place in places(job, {})} == {"source", "dense", "ticket"}


SPARSE = {"target": {"sparsity": 0.75}}
CARRIED = ["mask_trained", "no_mask", "mask_random"]


def pruned_after(arms: list[str], **asked: Any) -> Resolved:
    """A prune job on what a transfer of a ticket comes to."""
    job = {"kind": "transfer", "dataset": "digits", "model": {"job": PRUNE | SPARSE}, "replicates": 1, "arms": arms}
    sent = PRUNE | {"model": {"job": job}} | asked
    return resolve_sent(sent, SPEC.validate_python, Known(lambda _name: DIGITS_LIKE, lambda _name: (), "cpu"))


@pytest.mark.parametrize(
    "asked", [{"method": {"schedule": "one_shot", "granularity": "2:4"}}, {"target": {"max_accuracy_drop": 1}}]
)
def test_a_transfer_comes_to_its_first_arm_whatever_is_beside_it(asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec, match="sparse already"):
        pruned_after(["mask_trained", "no_mask"], **asked)
    assert pruned_after(["no_mask", "mask_random"], **asked).spec.kind == "prune"


def test_a_transfer_has_no_way_whatever_ticket_of_its_own_it_finds() -> None:
    first = {"kind": "transfer", "dataset": "digits", "model": {"job": PRUNE | SPARSE}, "replicates": 1}
    sent = first | {
        "model": {"job": first | {"arms": ["mask_trained", "own_ticket"]}},
        "arms": ["no_mask", "own_ticket"],
    }
    with pytest.raises(InvalidSpec, match="no level of a prune job"):
        resolve_sent(sent, SPEC.validate_python, Known(lambda _name: DIGITS_LIKE, lambda _name: (), "cpu"))


def test_the_pieces_of_a_ticket_are_known_however_often_it_was_carried() -> None:
    sent: dict[str, Any] = PRUNE | {"method": {"schedule": "one_shot", "granularity": "2:4"}}
    for _ in range(3):
        sent = {"kind": "transfer", "dataset": "digits", "model": {"job": sent}, "replicates": 1}
    sent |= {"arms": ["mask_trained", "random_mask"]}
    job = resolve_sent(sent, SPEC.validate_python, Known(lambda _name: DIGITS_LIKE, lambda _name: (), "cpu"))
    alone = job.model_copy(update={"before": None})  # with the model that is presumed
    begun = [place.unit.inputs.begin.granularity for place in places(alone, {}) if place.unit.kind == "transfer"]
    assert {(found.keep, found.of) for found in begun} == {(2, 4)}
