"""A sweep on a real worker: killed in between it ends in the bytes of a run; cancelled, nothing of it goes on."""

from typing import Any

import pytest

from tests.support.undisturbed import local_hashes
from tests.support.workers import Service, eventually

SWEEP: dict[str, Any] = {
    "kind": "prune",
    "dataset": "digits",
    "model": "digits_cnn",
    "target": {"sparsity": 0.36},
    "train": {"epochs": 8},
    "method": {"schedule": {"name": "iterative", "rate": 0.2}},
    "arms": ["ticket"],
    "replicates": 1,
    "sweep": {"dataset.fraction": [0.5, 1.0], "target.sparsity": [0.2, 0.36]},
}
UNITS = 2 * 3


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """What `winnow run` makes of it."""
    return local_hashes(SWEEP, tmp_path_factory.mktemp("local"))


def test_killed_in_the_middle_a_sweep_ends_in_the_bytes_of_a_run_and_points_share_their_units(
    embedded: Service, undisturbed: dict[tuple[str, str], str]
) -> None:
    worker = embedded.start_worker("one")
    job = embedded.submit(SWEEP)
    eventually(lambda: embedded.under_way(job, 1), 120, f"a level under way\n{embedded.said()}")
    worker.kill_group()

    embedded.start_worker("one")
    embedded.finished(job, 240)

    assert [point["state"] for point in embedded.job(job).points] == ["succeeded"] * 4
    assert embedded.file_hashes(job) == undisturbed
    assert len(embedded.units(job)) == UNITS
    assert set(embedded.times_done().values()) == {1}


def test_cancelled_none_of_its_points_goes_on(embedded: Service) -> None:
    embedded.start_worker("one")
    job = embedded.submit(SWEEP | {"train": {"epochs": 500}, "sweep": {"seed": [0, 1, 2]}})
    eventually(lambda: embedded.training(job), 120, f"a unit under way\n{embedded.said()}")

    embedded.cancel(job)

    def at_rest() -> bool:
        return {row.state for row in embedded.units(job)} == {"cancelled"}

    eventually(at_rest, 5, f"every unit of every point at rest\n{embedded.said()}")
    assert embedded.job(job).state == "cancelled"
    assert len(embedded.units(job)) == 3
