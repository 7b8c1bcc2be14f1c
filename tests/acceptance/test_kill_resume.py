"""`kill -9` of the worker's whole process group, anywhere: the next worker ends in the same bytes."""

import pytest

from tests.support.undisturbed import local_hashes
from tests.support.workers import Service, eventually

SPEC = {
    "kind": "prune",
    "dataset": "digits",
    "model": "lenet_300_100",
    "target": {"sparsity": 0.65},
    "train": {"epochs": 60, "batch_size": 60},
    "method": {"schedule": {"name": "iterative", "rate": 0.3}},
    "arms": ["ticket", "random_mask"],
    "replicates": 1,
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    return local_hashes(SPEC, tmp_path_factory.mktemp("local"))


def test_killed_in_the_middle_of_level_3_a_job_ends_in_the_same_bytes(
    service: Service, undisturbed: dict[tuple[str, str], str]
) -> None:
    worker = service.start_worker("one")
    job = service.submit(SPEC)
    eventually(lambda: service.under_way(job, level=3), 120, f"level 3\n{service.said()}")
    worker.kill_group()

    service.start_worker("one")
    service.finished(job, 120)
    assert service.file_hashes(job) == undisturbed
    assert service.lost_attempts() == 1
    assert all(count == 1 for count in service.times_done().values())


def test_killed_without_its_runner_it_leaves_no_process_behind(embedded: Service) -> None:
    worker = embedded.start_worker("one")
    job = embedded.submit({**SPEC, "train": {"epochs": 600}})
    eventually(lambda: embedded.training(job), 60, "a unit under way")
    children = worker.children()
    assert children
    worker.kill()
    eventually(lambda: not any(child.is_running() for child in children), 10, "no process left")
