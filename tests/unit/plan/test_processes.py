"""`processes` of a spec: in the key of what trains, in nobody else's, and counted as cores."""

import pytest
from pydantic import ValidationError

from tests.support.lottery import digits_job
from tests.support.transfers import transfer_job
from winnow.contract.problems import InvalidSpec
from winnow.contract.units import Unit
from winnow.plan import Resolved, places


def units(job: Resolved) -> list[Unit]:
    return [place.unit for place in places(job, {})]


def test_they_are_in_the_key_of_every_unit_that_trains() -> None:
    keys = [{unit.key for unit in units(digits_job(processes=count))} for count in (None, 2, 3)]
    assert len(set.union(*keys)) == sum(map(len, keys))


def test_left_out_they_leave_keys_as_they_were() -> None:
    assert [unit.key for unit in units(digits_job())] == [unit.key for unit in units(digits_job(processes=None))]
    assert not any("processes" in unit.inputs.model_dump(exclude_none=True) for unit in units(digits_job()))


def test_of_a_transfer_they_share_the_training_not_the_source_nor_the_features() -> None:
    found = {unit.kind: unit.processes for unit in units(transfer_job(processes=2, trainable="head"))}
    assert found == {"level": 1, "train": 1, "features": 1, "transfer": 2}


def test_an_own_ticket_is_found_with_as_many_as_the_transfer_has() -> None:
    job = transfer_job(processes=2, arms=["mask_trained", "no_mask", "own_ticket"])
    own = [place.unit for place in places(job, {}) if place.arm in ("own_chain", "own_ticket")]
    assert [unit.processes for unit in own] == [2] * len(own)
    assert own


def test_a_unit_keeps_the_threads_of_all_its_processes_busy() -> None:
    assert {unit.cores for unit in units(digits_job())} == {1}
    assert {unit.cores for unit in units(digits_job(threads=3))} == {3}
    assert {unit.cores for unit in units(digits_job(threads=3, processes=4))} == {12}


def test_each_has_an_image_of_a_full_batch() -> None:
    train = {"steps": 12, "batch_size": 3}
    assert units(digits_job(processes=3, train=train))
    with pytest.raises(InvalidSpec, match="A batch of 3 images cannot be shared by 4 processes"):
        digits_job(processes=4, train=train)
    with pytest.raises(InvalidSpec, match="cannot be shared"):
        transfer_job(processes=4, train=train)


@pytest.mark.parametrize("count", [0, 1, 65])
def test_one_process_is_said_by_saying_nothing(count: int) -> None:
    with pytest.raises(ValidationError, match="processes"):
        digits_job(processes=count)
