"""A ticket carried to other classes, its frozen part computed once: killed in between, it ends in the same bytes."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.transfers import HIGH, LOW, source_units
from tests.support.undisturbed import hashes_in, local_hashes
from tests.support.workers import CHECKOUT, Service, eventually, resolved

SOURCE: dict[str, Any] = {
    "kind": "prune",
    "dataset": {"name": "digits", "classes": LOW},
    "model": "digits_cnn",
    "target": {"sparsity": 0.5},
    "train": {"epochs": 2},
    "method": {"schedule": "one_shot", "rewind": {"step": 5}},
    "arms": ["ticket"],
    "replicates": 1,
}
UNITS = source_units(resolved(SOURCE))
TRANSFER: dict[str, Any] = {
    "kind": "transfer",
    "model": UNITS[0].model_id,
    "dataset": {"name": "digits", "classes": HIGH},
    "trainable": ["fc1"],
    "arms": ["mask_rewound", "no_mask", "random_mask"],
    "train": {"epochs": 400},
    "replicates": 1,
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """What `winnow run` makes of the transfer in the folder where the source lies."""
    out = tmp_path_factory.mktemp("local")
    local_hashes(SOURCE, out / "done")
    (out / "job.json").write_text(json.dumps(TRANSFER))
    command = [sys.executable, "-m", "winnow.cli", "run", str(out / "job.json"), "--out", str(out / "done")]
    subprocess.run(command, cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, check=True)
    return hashes_in(out / "done")


def test_killed_in_the_middle_a_transfer_ends_in_the_bytes_of_a_run_and_nothing_is_done_twice(
    embedded: Service, undisturbed: dict[tuple[str, str], str]
) -> None:
    worker = embedded.start_worker("one")
    source = embedded.submit(SOURCE)
    embedded.finished(source, 120)
    job = embedded.submit(TRANSFER, UNITS)

    def half_trained() -> bool:
        row = embedded.training(job, beyond=0.2)
        return row is not None and row.kind == "transfer"

    eventually(half_trained, 120, f"a transfer under way\n{embedded.said()}")
    worker.kill_group()

    embedded.start_worker("one")
    embedded.finished(job, 240)
    assert embedded.file_hashes(job) | embedded.file_hashes(source) == undisturbed
    assert embedded.lost_attempts() == 1
    done = embedded.times_done()
    assert set(done.values()) == {1}
    assert [row.kind for row in embedded.units(job)].count("features") == 3
    assert UNITS[0].key in done
