"""A transfer beside the ticket that is found on the target itself."""

import pytest

from tests.support.brought import brought_unit
from tests.support.fabricated import fabricated
from tests.support.transfers import (
    HIGH,
    LOW,
    dense,
    pruned_from,
    source_job,
    source_units,
    transfer_job,
    unit_of,
    worked,
)
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.lineage import lineage
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.plan import places, resolve


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


def fine_tuned(**changes):
    """A fine-tuned ticket and what it stands on."""
    method = {"schedule": {"name": "iterative", "rate": 0.5}, "retraining": "fine_tune"}
    ticket, *behind = source_units(source_job(method=method))
    return Unit(inputs=ticket.inputs.model_copy(update=changes), dataset=ticket.dataset, cost=ticket.cost), *behind


def test_a_ticket_of_ones_own_begins_dense_whatever_the_model_began_with():
    """Of a sparse model's ticket the levels at the top are left out, and nothing was trained there."""
    sources = fine_tuned(), fine_tuned(skipped=1)
    jobs = [transfer_job(source, arms=["mask_trained", "own_ticket"]) for source in sources]
    own = [[p.unit.key for p in places(job, {}) if p.arm in ("own_chain", "own_ticket")] for job in jobs]
    assert sources[0][0].key != sources[1][0].key
    assert own[0] == own[1]


def test_fine_tuning_at_the_last_rate_of_a_cosine_is_refused_of_an_own_ticket_too():
    train = {"steps": 12, "lr_schedule": "cosine", "optimizer": {"name": "sgd", "lr": 0.05}}
    assert transfer_job(fine_tuned(), arms=["mask_trained", "no_mask"], train=train)
    with pytest.raises(InvalidSpec, match="it would train nothing"):
        transfer_job(fine_tuned(), arms=["mask_trained", "own_ticket"], train=train)


def test_the_chain_of_an_own_ticket_has_its_levels() -> None:
    known = [place for place in places(transfer_job(arms=["mask_trained", "own_ticket"]), {}) if place.replicate == 0]
    assert [place.level for place in known if place.arm == "own_chain"] == [0, 1]


def own_of(job):
    """The chain of a ticket of one's own, dense first."""
    return [place.unit for place in places(job, {}) if place.arm in ("own_chain", "own_ticket")]


def test_a_ticket_of_ones_own_begins_with_the_model_that_the_carried_one_began_with():
    """Its head is fresh, as the target has other classes; where it has none, it begins like a prune job on it."""
    begun = (brought_unit(b"x", classes=tuple(LOW)),)
    pruned = source_units(pruned_from(begun))
    own = own_of(transfer_job(pruned, arms=["mask_trained", "own_ticket"]))
    assert own[0].parents == {"model": begun[0].key}
    assert (own[0].inputs.begin.values, own[0].inputs.begin.head) == ("trained", None)
    assert [unit.parents["start"] for unit in own[1:]] == [own[0].key] * 2
    on_low = transfer_job(pruned, arms=["mask_trained", "own_ticket"], dataset={"name": "digits", "classes": LOW})
    wanted = {place.unit.key for place in places(pruned_from(begun), {}) if place.arm != "source"}
    assert {unit.key for unit in own_of(on_low)} == wanted


def begun_sparse(model: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """A ticket that a job found below one that is sparse already, and what it stands on."""
    spec = source_job(target={"sparsity": 0.9}).spec.model_dump() | {"model": {"name": "mdl_source"}}
    job = resolve(SPEC.validate_python(spec), DATASETS["digits"], "cpu", model)
    results = {model[0].key: fabricated(places(source_job(), {})[0].unit, {})}
    by_key = {unit.key: unit for unit in (*model, *(place.unit for place in places(job, results)))}
    ticket = [place.unit for place in places(job, results) if place.arm == "ticket"][-1]
    return lineage(ticket, by_key.get)


def test_a_ticket_of_a_ticket_began_where_the_first_one_did():
    begun = brought_unit(b"x", classes=tuple(LOW))
    for first, model in ((source_units(source_job()), {}), (source_units(pruned_from((begun,))), {"model": begun.key})):
        own = own_of(transfer_job(begun_sparse(first), arms=["mask_trained", "own_ticket"]))
        assert own[0].parents == model


def test_a_network_that_came_sparse_has_no_way_that_could_be_gone_again():
    sparse = (brought_unit(b"x", classes=tuple(LOW), zeros="masked"),)
    with pytest.raises(InvalidSpec, match="sparse when it came"):
        transfer_job(begun_sparse(sparse), arms=["mask_trained", "own_ticket"])
