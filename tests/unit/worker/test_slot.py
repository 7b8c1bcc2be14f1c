"""A slot against real rows: whatever becomes of a runner, the rows say the truth."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.support.fake_units import Behaviour
from tests.support.workers import eventually
from tests.support.workplaces import Rows, told
from winnow.contract.problems import Reason
from winnow.db.tables import TENANT
from winnow.jobs.cancel import cancel
from worker.slot import Slot
from worker.slots import Slots
from worker.workplace import Workplace

Background = Callable[..., Future[None]]


def test_work_is_done_stored_committed_and_settled(place: Workplace, rows: Rows, slot: Slot) -> None:
    job = rows.submit(Behaviour.FINISHES)
    slot.work()
    assert rows.unit().state == "done"
    assert rows.job(job).state == "succeeded"
    assert told(place, rows.unit())["units"] == 1
    assert rows.endings() == ["done"]


def test_a_runner_is_used_again_by_the_same_tenant_alone(place: Workplace, rows: Rows, slot: Slot) -> None:
    rows.submit(Behaviour.FINISHES, steps=2000)
    rows.submit(Behaviour.FINISHES, steps=2001)
    rows.submit(Behaviour.FINISHES, steps=2000, tenant="another")
    slot.work()
    pids = [told(place, unit)["pid"] for unit in rows.units()]
    assert pids[0] == pids[1] != pids[2]


def test_a_worn_out_runner_is_replaced(place: Workplace, rows: Rows, stopping: threading.Event) -> None:
    slot = Slot(replace(place, units_per_runner=1), 0, stopping)
    rows.submit(Behaviour.FINISHES, steps=2000)
    rows.submit(Behaviour.FINISHES, steps=2001)
    slot.work()
    slot.close()
    assert [told(place, unit)["units"] for unit in rows.units()] == [1, 1]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Behaviour.DIVERGES, Reason.USER_ERROR),
        (Behaviour.HAS_A_BUG, Reason.BUG),
        (Behaviour.RAISES_MEMORY_ERROR, Reason.OUT_OF_MEMORY),
    ],
)
def test_a_failure_of_the_unit_fails_its_job(rows: Rows, slot: Slot, behaviour: Behaviour, reason: Reason) -> None:
    job = rows.submit(behaviour)
    with capture_logs() as logged:
        slot.work()
    assert (rows.unit().state, rows.unit().reason) == ("failed", reason)
    assert (rows.job(job).state, rows.job(job).reason) == ("failed", reason)
    assert ("error" in {line["log_level"] for line in logged}) == (reason is Reason.BUG)


@pytest.mark.parametrize("behaviour", [Behaviour.EXITS, Behaviour.KILLS_ITSELF])
def test_a_death_is_a_loss_and_the_third_in_a_row_is_poison(rows: Rows, slot: Slot, behaviour: Behaviour) -> None:
    job = rows.submit(behaviour)
    for losses in (1, 2, 3):
        slot.work()
        assert rows.unit().losses == losses
        rows.forget_backoff()
    assert (rows.unit().state, rows.unit().reason) == ("failed", Reason.SUSPECTED_POISON)
    assert rows.job(job).reason == Reason.SUSPECTED_POISON
    assert rows.endings() == ["lost"] * 3


def test_a_silent_runner_is_killed_as_a_loss(place: Workplace, rows: Rows, stopping: threading.Event) -> None:
    slot = Slot(replace(place, stall_seconds=1.0), 0, stopping)
    rows.submit(Behaviour.SAYS_NOTHING)
    slot.work()
    assert (rows.unit().state, rows.unit().losses) == ("ready", 1)


def test_a_runner_that_holds_too_much_is_out_of_memory(place: Workplace, rows: Rows, stopping: threading.Event) -> None:
    slot = Slot(replace(place, runner_memory_bytes=200 << 20), 0, stopping)
    rows.submit(Behaviour.HOLDS_MEMORY)
    slot.work()
    assert rows.unit().reason == Reason.OUT_OF_MEMORY


@pytest.mark.parametrize("behaviour", [Behaviour.TRAINS, Behaviour.IGNORES_STOP])
def test_a_cancelled_unit_stops_within_five_seconds_and_frees_the_slot(
    rows: Rows, slot: Slot, background: Background, behaviour: Behaviour
) -> None:
    job = rows.submit(behaviour)
    working = background(slot.work)
    eventually(lambda: rows.unit().progress, 30, "progress")
    with rows.database.write() as conn:
        cancel(conn, TENANT, job)
    working.result(5)
    assert rows.unit().state == "cancelled"
    assert rows.endings() == ["cancelled"]


def test_a_lost_lease_ends_the_runner_and_nothing_is_written(
    rows: Rows, slot: Slot, background: Background, stopping: threading.Event
) -> None:
    rows.submit(Behaviour.TRAINS)
    working = background(slot.work)
    eventually(lambda: rows.unit().progress, 30, "progress")
    rows.take_away()
    before = rows.unit()
    working.result(10)
    assert rows.unit() == before
    stopping.set()


def cut_off(place: Workplace, rows: Rows, background: Background) -> str:
    """A job whose only unit was stopped in the middle, by a shutdown."""
    job = rows.submit(Behaviour.TRAINS, steps=400)
    slots = Slots(place, 1)
    working = background(slots.ring)
    eventually(lambda: rows.unit().progress, 30, "progress")
    slots.stop()
    working.result(5)
    slots.close()
    return job


def finish(place: Workplace, background: Background) -> None:
    """What is there to be done, by slots that have just started."""
    slots = Slots(place, 1)
    background(slots.ring).result(60)
    slots.close()


def test_shutdown_leaves_a_checkpoint_that_the_next_attempt_goes_on_from(
    place: Workplace, rows: Rows, background: Background
) -> None:
    job = cut_off(place, rows, background)
    kept = rows.unit()
    assert (kept.state, kept.losses, rows.endings()) == ("ready", 0, ["released"])
    assert kept.checkpoint_step > 0
    finish(place, background)
    assert rows.job(job).state == "succeeded"
    assert told(place, rows.unit())["begun_at"] == kept.checkpoint_step


def test_a_damaged_checkpoint_costs_time_and_nothing_else(place: Workplace, rows: Rows, background: Background) -> None:
    job = cut_off(place, rows, background)
    place.objects.delete(rows.unit().checkpoint_sha256)
    finish(place, background)
    assert rows.job(job).state == "succeeded"
    assert told(place, rows.unit())["begun_at"] == 0


def test_a_checkpoint_of_another_numerics_class_is_ignored(
    place: Workplace, rows: Rows, background: Background
) -> None:
    cut_off(place, rows, background)
    other = replace(place, name="two")
    rows.register(other, numerics="another")
    finish(other, background)
    assert told(place, rows.unit())["begun_at"] == 0


def test_a_claimed_unit_rings_for_the_idle_slot_of_another_worker(place: Workplace, rows: Rows, slot: Slot) -> None:
    rows.register(replace(place, name="idle"), numerics="cpu-fake")
    rows.submit(Behaviour.FINISHES, steps=2000)
    rows.submit(Behaviour.FINISHES, steps=2001)
    slot.work()
    assert rows.rings == ["cpu"]


def test_units_never_take_more_cores_than_there_are(place: Workplace, rows: Rows, background: Background) -> None:
    rows.submit(Behaviour.TRAINS, steps=2000)
    rows.submit(Behaviour.TRAINS, steps=2001)
    slots = Slots(place, 2)  # on one core
    first, second = background(slots.ring), background(slots.ring)
    eventually(lambda: first.done() or second.done(), 10, "a slot that found nothing for it")
    assert sorted(unit.state for unit in rows.units()) == ["ready", "running"]
    slots.stop()
    first.result(10)
    second.result(10)
    slots.close()
