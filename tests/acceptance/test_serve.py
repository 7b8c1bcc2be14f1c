"""`winnow serve` as a user runs it: its parts start, come back when they are killed, and are gone when it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.processes import members, number_in
from tests.support.serving import Serving, serving
from winnow.cli.embedded import Address
from winnow.cli.serve import _has_seen
from winnow.client import ClientError

TOGETHER = ("api", "worker")


def eventually(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def workers_there(service: Serving) -> bool:
    try:
        with service.client() as client:
            return any(worker.slots >= 1 for worker in client.workers())
    except ClientError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_everything_and_leaves_nothing(number: int, tmp_path: Path) -> None:
    with serving(tmp_path / "home") as service:
        eventually(lambda: workers_there(service), 60, "no worker came")
        groups = [service.pid(name) for name in TOGETHER]
        assert all(members(group) for group in groups)

        asked = time.monotonic()
        service.process.send_signal(number)
        service.process.wait(30)

        assert time.monotonic() - asked < 15
        assert service.process.returncode == 0
        assert [members(group) for group in groups] == [[], []]
        assert not list((tmp_path / "home" / "run").glob("*.pid"))
        assert service.process.stdout is not None
        assert service.process.stdout.read() == ""
    assert "Traceback" not in service.log.read_text()


def test_what_is_killed_comes_back(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as service:
        eventually(lambda: workers_there(service), 60, "no worker came")
        before = {name: service.pid(name) for name in TOGETHER}

        for group in before.values():
            os.killpg(group, signal.SIGKILL)
        assert httpx.get(f"{service.url}/healthz", timeout=30).status_code == 200, "who comes meanwhile waits"

        for name in TOGETHER:
            path = tmp_path / "home" / "run" / f"{name}.pid"
            eventually(
                lambda path=path, name=name: number_in(path) not in (None, before[name]),  # type: ignore[misc]  # bound to this turn of the loop
                30,
                f"the {name} did not come back",
            )
        eventually(lambda: workers_there(service), 60, "the worker did not come back")
        with service.client() as client:
            job = client.submit({"kind": "train", "dataset": "digits", "model": "digits_cnn", "train": {"epochs": 1}})
            assert list(client.follow(job.id))[-1].state == "succeeded"


def test_where_a_gpu_cannot_be_used_it_says_so_and_works_without(tmp_path: Path) -> None:
    """It is no GPU that is named: so it is on a machine with GPUs, too old a driver, or torch's build for CPUs."""
    with serving(tmp_path / "home", gpus="GPU-of-nobody") as service:
        assert "the worker-gpu did not start" in service.log.read_text()
        assert "torch finds none here" in service.log.read_text()
        eventually(lambda: workers_there(service), 60, "no worker came")
        with service.client() as client:
            assert [worker.resource for worker in client.workers()] == ["cpu"]
        assert not (service.home / "run" / "worker-gpu.pid").exists()


def test_a_worker_is_there_when_the_api_has_seen_it_since_it_was_started(tmp_path: Path) -> None:
    begun = datetime.now(UTC)
    with serving(tmp_path / "home") as service:
        address = Address("127.0.0.1", int(service.url.rpartition(":")[2]))
        eventually(lambda: _has_seen("embedded", address, None, begun), 60, "no worker came")
        assert not _has_seen("embedded", address, None, datetime.now(UTC) + timedelta(hours=1)), "an earlier run's row"
        assert not _has_seen("another", address, None, begun)
    assert not _has_seen("embedded", address, None, begun), "nobody answers"


def test_a_second_one_on_the_same_home_is_refused_and_does_no_harm(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as service:
        with pytest.raises(RuntimeError, match="another `winnow serve` runs on"), serving(tmp_path / "home"):
            pass
        with service.client() as client:
            assert [dataset.name for dataset in client.datasets()]


def test_its_words_go_to_standard_error_and_json_to_standard_output(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "winnow.cli", "serve", "--port", "0", "--home", str(tmp_path)]
    taken = subprocess.run([*command, "--host", "0.0.0.0", "--json"], capture_output=True, text=True, check=False)  # noqa: S104 - refused

    assert taken.returncode == 1
    assert taken.stdout == ""
    assert "WINNOW_API_KEY" in json.loads(taken.stderr)["error"]
