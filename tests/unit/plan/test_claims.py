"""What a finished prune job claims, and what fails its audit."""

import pytest

from tests.support.planned import at_rate, job, scored, work
from winnow.contract.results import Check
from winnow.plan import Finished, plan, table


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


def test_a_ticket_that_masks_no_more_than_the_sparse_model_it_is_of_is_no_finding():
    asked = job(method=at_rate("0.5"))
    found = work(asked)
    of_level_1 = next(unit for unit in found.order if unit.kind == "level" and unit.inputs.depth == 1)
    masked = {"tensors": found.results[of_level_1.key].tensors}
    sparse = {u.key: found.results[u.key].model_copy(update=masked) for u in found.order if u.kind == "train"}
    outcome = plan(asked, found.results | sparse).outcome
    before = [row.verdict for row in found.outcome.levels]
    assert before[1] is not None
    assert [row.verdict for row in outcome.levels] == [None, None, *before[2:]]
    told = outcome.certificate["notes"]
    assert any("50.00% is masked" in note for note in told)
    assert any("easily beaten" in note for note in told)
    assert not any("masked" in note for note in found.outcome.certificate["notes"])


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
