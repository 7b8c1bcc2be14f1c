import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import members, number_in
from winnow.cli import supervisor
from winnow.cli.supervisor import Child, end, keep_running

QUIET = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {QUIET!r}]); {QUIET}"


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


@pytest.fixture
def make_child(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    made: list[Child] = []

    def make(code: str) -> Child:
        pid_file = tmp_path / f"{len(made)}.pid"
        made.append(Child("worker", [sys.executable, "-c", code], tmp_path, dict(os.environ), pid_file))
        return made[-1]

    yield make
    for child in made:
        child.clear_away()


def test_a_child_that_dies_is_started_again_under_its_pid_file(make_child: Callable[[str], Child]) -> None:
    child = make_child(QUIET)
    child.start()
    said: list[str] = []
    stop = threading.Event()
    watching = threading.Thread(target=keep_running, args=([child], stop.is_set, said.append))
    watching.start()
    try:
        first = int(child.pid_file.read_text())
        os.kill(first, signal.SIGKILL)
        eventually(lambda: number_in(child.pid_file) not in (None, first))
    finally:
        stop.set()
        watching.join()

    assert said == ["the worker ended (signal SIGKILL); it starts again in 1 s"]


def test_the_wait_doubles_while_it_keeps_dying(
    make_child: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LONGEST_WAIT", 0.04)
    child = make_child("raise SystemExit(3)")
    child.wait = 0.01
    said: list[str] = []

    keep_running([child], lambda: len(said) == 3, said.append)

    assert [text.split("; ")[1] for text in said] == [f"it starts again in {s} s" for s in ("0.02", "0.04", "0.04")]
    assert "exit status 3" in said[0]


def test_what_a_dead_child_leaves_behind_is_killed_before_it_starts_again(make_child: Callable[[str], Child]) -> None:
    child = make_child(PARENT)
    child.start()
    assert child.process is not None
    group = child.process.pid
    eventually(lambda: len(members(group)) == 2)

    child.process.kill()
    child.process.wait()
    child.clear_away()

    eventually(lambda: members(group) == [])
    assert not child.pid_file.exists()


def test_children_are_asked_to_end_and_nothing_is_left(make_child: Callable[[str], Child]) -> None:
    children = [make_child(QUIET), make_child(PARENT)]
    groups = []
    for child in children:
        child.start()
        assert child.process is not None
        groups.append(child.process.pid)

    end(children, lambda: False)

    for group in groups:
        eventually(lambda group=group: members(group) == [])  # type: ignore[misc]  # bound to this turn of the loop
    assert not any(child.pid_file.exists() for child in children)


def test_who_does_not_listen_is_killed(make_child: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.2)
    child = make_child(DEAF)
    child.start()

    end([child], lambda: False)

    assert child.process is None


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, time
from pathlib import Path
from winnow.cli.supervisor import Child
import sys
Child("worker", [sys.executable, "-c", {QUIET!r}], Path("."), dict(os.environ), Path("child.pid")).start()
time.sleep(600)
"""
    parent = Child("parent", [sys.executable, "-c", code], tmp_path, dict(os.environ), tmp_path / "parent.pid")
    parent.start()
    try:
        child_pid = tmp_path / "child.pid"
        eventually(lambda: child_pid.exists() and child_pid.read_text().endswith("\n"))
        group = int(child_pid.read_text())
        eventually(lambda: members(group) == [group])
    finally:
        parent.clear_away()

    eventually(lambda: members(group) == [])
