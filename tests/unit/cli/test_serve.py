"""What `winnow serve` refuses before it starts anything. That it serves is in tests/acceptance/test_serve.py."""

import fcntl
import socket
import sys
from pathlib import Path

import pytest

from winnow.cli import serve
from winnow.cli.embedded import DECIDED, Address, Embedded
from winnow.cli.main import run
from winnow.cli.supervisor import Child


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - refused, not bound
def test_others_may_not_reach_it_without_a_key(host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--host", host, "--home", str(tmp_path / "home")]) == 1

    assert "WINNOW_API_KEY" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_a_key_that_no_header_carries_is_refused_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--home", str(tmp_path / "home"), "--api-key", "schlüssel"]) == 2
    assert "ASCII" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_an_unknown_host_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--host", "999.1.1.1", "--home", str(tmp_path)]) == 1

    assert "no host '999.1.1.1'" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        assert run(["serve", "--port", str(port), "--home", str(tmp_path)]) == 1

    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_home_that_is_served_already_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / "serve.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert run(["serve", "--port", "0", "--home", str(tmp_path)]) == 1

    assert f"another `winnow serve` runs on {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("name", DECIDED)
def test_a_variable_that_it_decides_itself_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "1")
    assert run(["serve", "--home", str(tmp_path / "home")]) == 1
    assert f"unset {name}" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_host_port_and_home_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("WINNOW_HOST", "localhost")
        monkeypatch.setenv("WINNOW_PORT", str(port))
        monkeypatch.setenv("WINNOW_HOME", str(tmp_path / "home"))
        assert run(["serve"]) == 1
    assert f"cannot listen on localhost:{port}" in capsys.readouterr().err
    assert (tmp_path / "home" / "run" / "serve.lock").exists()


def test_a_data_directory_that_is_given_has_to_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--home", str(tmp_path / "home"), "--data-dir", str(tmp_path / "dta")]) == 2
    assert f"'{tmp_path / 'dta'}' does not exist" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_only_the_default_data_directory_is_made(tmp_path: Path) -> None:
    Embedded(tmp_path, Address("127.0.0.1", 80), tmp_path / "given", None, None).worker()
    assert list(tmp_path.iterdir()) == []
    Embedded(tmp_path, Address("127.0.0.1", 80), None, None, None).worker()
    assert list(tmp_path.iterdir()) == [tmp_path / "data"]


def test_outside_of_a_checkout_it_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "CHECKOUT", tmp_path)

    assert run(["serve", "--home", str(tmp_path / "home")]) == 1

    assert "docker compose up" in capsys.readouterr().err


def test_a_worker_on_gpus_is_waited_for_and_kept(tmp_path: Path) -> None:
    waiting = [sys.executable, "-c", "import time; time.sleep(60)"]
    worker = Child("worker-gpu", waiting, tmp_path, {}, tmp_path / "pid")
    children, answers = list[Child](), iter([False, True])
    try:
        serve._add(children, worker, lambda _since: next(answers), serve.Signals())
        assert children == [worker]
        assert worker.ended() is None
        assert next(answers, None) is None, "asked until it is there"
    finally:
        worker.clear_away()


def test_it_is_the_same_service_as_the_worker_on_the_cpu_has(tmp_path: Path) -> None:
    service = Embedded(tmp_path, Address("127.0.0.1", 80), None, 3, "key")
    cpu, gpu = service.worker().environment, service.worker_on_gpus().environment
    own = {"WINNOW_WORKER_NAME": "embedded", "WINNOW_RESOURCE": "cpu", "WINNOW_SLOTS": "3"}
    assert dict(cpu) == {**gpu, **own}
    assert (gpu["WINNOW_RESOURCE"], gpu["WINNOW_WORKER_NAME"]) == ("gpu", "embedded-gpu")
