"""A slot whose disk, store, database or runner is away: nobody's fault, and nothing is lost."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fake_units import Behaviour
from tests.support.flaky import FlakyDatabase, FlakyObjects, FullScratch
from tests.support.workers import eventually
from tests.support.workplaces import Rows, told
from worker.scratch import Scratch
from worker.slot import Slot
from worker.slots import Slots
from worker.workplace import Workplace


def test_a_full_disk_is_nobodys_fault(
    rows: Rows, slot: Slot, background: Callable[..., Future[None]], stopping: threading.Event
) -> None:
    rows.submit(Behaviour.FINDS_THE_DISK_FULL)
    working = background(slot.work)
    eventually(lambda: len(rows.endings()) >= 2, 30, "it is tried again")
    stopping.set()
    working.result(10)
    assert rows.unit().losses == 0
    assert set(rows.endings()) <= {"released", None}


def test_a_store_that_is_away_delays_the_commit_and_nothing_else(
    place: Workplace, rows: Rows, stopping: threading.Event, tmp_path: Path
) -> None:
    store = FlakyObjects.open((tmp_path / "store").as_uri())
    store.fail_next_puts(3)
    slot = Slot(replace(place, objects=store), 0, stopping)
    job = rows.submit(Behaviour.FINISHES)
    slot.work()
    slot.close()
    assert rows.job(job).state == "succeeded"
    assert rows.endings() == ["done"]


def test_a_bug_of_the_worker_is_a_loss_and_the_next_attempt_has_a_fresh_runner(
    place: Workplace, rows: Rows, stopping: threading.Event, tmp_path: Path
) -> None:
    store = FlakyObjects.open((tmp_path / "store").as_uri())
    store.fail_next_puts(1, LookupError("a bug"))
    slot = Slot(replace(place, objects=store), 0, stopping)
    rows.submit(Behaviour.FINISHES)
    slot.work()
    assert (rows.unit().state, rows.unit().losses) == ("ready", 1)
    rows.forget_backoff()
    slot.work()
    slot.close()
    assert rows.endings() == ["lost", "done"]
    assert told(place, rows.unit())["units"] == 1


def test_scratch_space_that_is_full_is_nobody_s_fault(
    place: Workplace, rows: Rows, stopping: threading.Event, tmp_path: Path, background: Callable[..., Future[None]]
) -> None:
    full = FullScratch(tmp_path / "full", place.objects, 1)
    slot = Slot(replace(place, scratch=full), 0, stopping)
    job = rows.submit(Behaviour.FINISHES)
    working = background(slot.work)
    eventually(lambda: rows.endings()[:1] == ["released"], 30, "it is given back")
    full.is_full = False
    working.result(30)
    slot.close()
    assert rows.job(job).state == "succeeded"
    assert rows.endings()[-1] == "done"
    assert rows.unit().losses == 0


def test_an_input_that_cannot_be_had_now_releases_without_loss(
    place: Workplace, rows: Rows, tmp_path: Path, background: Callable[..., Future[None]]
) -> None:
    store = FlakyObjects.open((tmp_path / "store").as_uri())
    first = Slots(place, 1)
    rows.submit(Behaviour.TRAINS)
    working = background(first.ring)
    eventually(lambda: rows.unit().progress, 30, "progress")
    first.stop()
    working.result(5)
    first.close()

    store.fail_next_fetches(1)
    again = replace(place, objects=store, scratch=Scratch(tmp_path / "again", store, 1))
    second = Slots(again, 1)
    working = background(second.ring)
    eventually(lambda: rows.endings()[1:2] == ["released"] and rows.unit().attempt == 3, 30, "tried again")
    second.stop()
    working.result(10)
    second.close()
    assert rows.unit().losses == 0


def test_a_database_that_is_away_when_the_unit_is_done_is_waited_for(
    place: Workplace, rows: Rows, stopping: threading.Event, background: Callable[..., Future[None]]
) -> None:
    database = FlakyDatabase(rows.database)
    slot = Slot(replace(place, database=database), 0, stopping)
    job = rows.submit(Behaviour.FINISHES)
    database.away_from_write(3)  # claim and start come through
    working = background(slot.work)
    eventually(lambda: database.refused >= 2, 30, "a commit that was refused")
    database.come_back()
    working.result(30)
    slot.close()
    assert rows.job(job).state == "succeeded"
    assert rows.endings() == ["done"]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            lambda place: replace(place, launch=replace(place.launch, units="tests.support.absent")), id="import"
        ),
        pytest.param(lambda place: replace(place, numerics="cpu-other"), id="numerics"),
    ],
)
def test_a_runner_that_does_not_come_up_is_the_worker_s_trouble_and_no_loss(
    place: Workplace,
    rows: Rows,
    stopping: threading.Event,
    background: Callable[..., Future[None]],
    fault: Callable[[Workplace], Workplace],
) -> None:
    slot = Slot(fault(place), 0, stopping)
    rows.submit(Behaviour.FINISHES)
    working = background(slot.work)
    eventually(lambda: rows.endings()[:1] == ["released"], 30, "it is given back")
    stopping.set()
    working.result(10)
    slot.close()
    assert rows.unit().losses == 0
