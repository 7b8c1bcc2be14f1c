"""The same spec is the same bytes wherever it is done, and what is done is not done again."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.undisturbed import local_hashes
from tests.support.workers import Service

SPEC: Mapping[str, Any] = {
    "kind": "prune",
    "dataset": "digits",
    "model": "digits_cnn",
    "target": {"sparsity": 0.7},
    "train": {"epochs": 2},
    "method": {"schedule": {"name": "iterative", "rate": 0.5}},
    "replicates": 2,
}


def to(sparsity: float) -> dict[str, Any]:
    return {**SPEC, "target": {"sparsity": sparsity}, "arms": ["ticket"], "replicates": 1}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    return local_hashes(SPEC, tmp_path_factory.mktemp("local"))


@pytest.mark.parametrize("workers", [1, 2])
def test_one_worker_two_workers_and_none_end_in_the_same_bytes(
    service: Service, workers: int, undisturbed: dict[tuple[str, str], str]
) -> None:
    for number in range(workers):
        service.start_worker(f"worker-{number}")
    job = service.submit(SPEC)
    service.finished(job, 200)
    assert service.file_hashes(job) == undisturbed
    assert set(service.times_done().values()) == {1}


@pytest.mark.parametrize(
    ("first", "deeper", "missing"),
    [
        (0.75, 0.9375, 2),  # both on the grid of one half a level: levels 3 and 4
        (0.75, 0.9, 2),  # down to off the grid: level 3, and 4 cut
        (0.8, 0.9375, 2),  # up from off the grid: the cut third level is a leaf, so 3 and 4
        (0.8, 0.9, 2),  # off it twice: 3, and 4 cut
        (0.8, 0.85, 1),  # the same level cut in two places
    ],
)
def test_a_deeper_job_trains_only_what_lies_beyond_the_last_shared_full_rate_level(
    embedded: Service, first: float, deeper: float, missing: int
) -> None:
    embedded.start_worker()
    embedded.finished(embedded.submit(to(first)), 120)
    before = set(embedded.times_done())
    embedded.finished(embedded.submit(to(deeper)), 120)
    assert len(set(embedded.times_done()) - before) == missing
    assert set(embedded.times_done().values()) == {1}
