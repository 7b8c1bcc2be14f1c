"""What a transfer's ticket is held against, and when that says something."""

import pytest

from tests.support.brought import brought_unit
from tests.support.transfers import transfer_job, worked

TICKET_ARMS = ["mask_init", "mask_rewound", "mask_trained"]


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
