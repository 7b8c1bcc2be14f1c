"""SIGTERM and cancel: a worker is gone in seconds, a slot is free in seconds, and nothing is blamed or lost."""

import signal
import time
from functools import partial

import pytest

from tests.support.undisturbed import local_hashes
from tests.support.workers import Service, eventually

LONG = {"kind": "train", "dataset": "digits", "model": "lenet_300_100", "train": {"epochs": 1200, "batch_size": 60}}
SHORT = {**LONG, "train": {"epochs": 1}}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    return local_hashes(LONG, tmp_path_factory.mktemp("local"))


def test_sigterm_four_times_in_one_unit_costs_nothing(
    service: Service, undisturbed: dict[tuple[str, str], str]
) -> None:
    job = service.submit(LONG)
    unit = service.units(job)[0]
    for attempt in range(1, 5):
        before, worker = unit, service.start_worker("one")
        trains = partial(service.training, job, before.progress)
        eventually(trains, 60, f"attempt {attempt} further on than the last one\n{service.said()}")
        assert worker.terminate(within=10) == 0, worker.said()
        unit = service.units(job)[0]
        assert (unit.state, unit.losses, unit.attempt) == ("ready", 0, attempt)
        assert unit.checkpoint_step > (before.checkpoint_step or 0)

    service.start_worker("one")
    service.finished(job, 120)
    assert [row.ending for row in service.attempts()] == ["released"] * 4 + ["done"]
    assert service.file_hashes(job) == undisturbed


def test_sigterm_while_torch_is_imported(embedded: Service) -> None:
    worker = embedded.start_worker("one")
    eventually(worker.children, 60, "a runner")
    assert worker.terminate(within=10) == 0, worker.said()

    worker = embedded.start_worker("one", cores=2)
    job = embedded.submit({**LONG, "threads": 2})  # the warm runner has one thread, so another one is started
    eventually(embedded.attempts, 60, "a claim")
    assert worker.terminate(within=10) == 0, worker.said()
    (unit,) = embedded.units(job)
    assert (unit.state, unit.losses) == ("ready", 0)


def test_ctrl_c_reaches_the_runner_too_and_costs_nothing(embedded: Service) -> None:
    worker = embedded.start_worker("one")
    job = embedded.submit(LONG)
    eventually(lambda: embedded.training(job), 60, "a unit under way")
    worker.signal_group(signal.SIGINT)
    assert worker.process.wait(10) == 0
    (unit,) = embedded.units(job)
    assert (unit.state, unit.losses) == ("ready", 0)
    assert unit.checkpoint_step > 0


def test_cancel_stops_a_unit_in_the_middle_of_an_epoch_and_frees_the_slot(embedded: Service) -> None:
    embedded.start_worker("one")
    job = embedded.submit(LONG)
    eventually(lambda: embedded.training(job), 60, "a unit under way")
    next_job = embedded.submit(SHORT)
    cancelled_at = time.monotonic()
    embedded.cancel(job)
    eventually(lambda: embedded.units(job)[0].state == "cancelled", 5, f"the unit's end\n{embedded.said()}")
    eventually(lambda: len(embedded.attempts()) == 2, 5, "the slot's next unit")
    assert time.monotonic() - cancelled_at < 5
    embedded.finished(next_job, 60)


def test_a_unit_that_a_cancel_has_stopped_is_done_for_the_next_job_that_needs_it(embedded: Service) -> None:
    embedded.start_worker("one")
    job = embedded.submit(SHORT | {"train": {"epochs": 300}})
    eventually(lambda: embedded.training(job), 60, "a unit under way")
    embedded.cancel(job)
    again = embedded.submit(SHORT | {"train": {"epochs": 300}})
    embedded.finished(again, 60)
    assert embedded.job(job).state == "cancelled"
