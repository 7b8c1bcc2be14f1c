"""The child process and the handle that a slot has of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import psutil
import pytest

from tests.support.fake_units import Behaviour
from tests.support.workers import CHECKOUT, eventually, resolved
from winnow.contract.problems import Reason
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.plan import Pending, plan
from worker.child import Died, Launch, Runner
from worker.protocol import Checkpoint, Do, Done, Failed, Ready, StopOrder, Stopped

Start = Callable[..., Runner]


def unit(behaviour: Behaviour) -> Unit:
    spec = {
        "kind": "train",
        "dataset": "digits",
        "model": "lenet_300_100",
        "seed": int(behaviour),
        "train": {"steps": 2000},
    }
    step = plan(resolved(spec), {})
    assert isinstance(step, Pending)
    return step.units[0]


def order(behaviour: Behaviour, folder: Path, checkpoint: Path | None = None) -> Do:
    places = {name: folder / name for name in ("outputs", "checkpoints")}
    for place in places.values():
        place.mkdir(exist_ok=True)
    return Do(unit=unit(behaviour), inputs={}, checkpoint=checkpoint, **places)


class Ear:
    """Hears the events of a runner."""

    def __init__(self, runner: Runner) -> None:
        self.events: SimpleQueue[object] = SimpleQueue()
        runner.begin(self.events.put)

    def next(self) -> object:
        """The next event; that it is ready is none here."""
        event = self.events.get(timeout=30)
        return self.next() if isinstance(event, Ready) else event


def result_of(event: object) -> UnitResult:
    assert isinstance(event, Done), event
    return event.result


def test_a_unit_is_done_and_its_files_are_what_the_result_says(start: Start, tmp_path: Path) -> None:
    runner = start()
    ear = Ear(runner)
    runner.send(order(Behaviour.FINISHES, tmp_path))
    result = result_of(ear.next())
    assert {path.name for path in (tmp_path / "outputs").iterdir()} == set(result.files)
    assert runner.numerics == "cpu-fake"


def test_the_process_stays_warm_between_units(start: Start, tmp_path: Path) -> None:
    runner = start()
    ear = Ear(runner)
    said = []
    for _ in range(2):
        runner.send(order(Behaviour.FINISHES, tmp_path))
        result_of(ear.next())
        said.append(json.loads((tmp_path / "outputs/weights.safetensors").read_text()))
    assert [one["units"] for one in said] == [1, 2]
    assert said[0]["pid"] == said[1]["pid"] == runner.process.pid


def test_what_libraries_print_breaks_nothing(start: Start, tmp_path: Path) -> None:
    runner = start()
    ear = Ear(runner)
    runner.send(order(Behaviour.PRINTS, tmp_path))
    result_of(ear.next())


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Behaviour.HAS_A_BUG, Reason.BUG),
        (Behaviour.DIVERGES, Reason.USER_ERROR),
        (Behaviour.RAISES_MEMORY_ERROR, Reason.OUT_OF_MEMORY),
        (Behaviour.FINDS_THE_DISK_FULL, Reason.NO_SPACE),
        (Behaviour.WRITES_TOO_MUCH, Reason.BUG),
    ],
)
def test_a_failure_is_told_with_its_reason(start: Start, tmp_path: Path, behaviour: Behaviour, reason: Reason) -> None:
    runner = start()
    ear = Ear(runner)
    runner.send(order(behaviour, tmp_path))
    event = ear.next()
    assert isinstance(event, Failed)
    assert event.reason is reason
    assert (event.trace is not None) == (reason is Reason.BUG)


def test_it_sees_no_credentials_and_is_bounded(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_S3_SECRET_KEY", "secret")
    runner = start()
    ear = Ear(runner)
    runner.send(order(Behaviour.TELLS_ITS_ENVIRONMENT, tmp_path))
    result_of(ear.next())
    told = json.loads((tmp_path / "outputs/weights.safetensors").read_text())
    assert "secret" not in str(told["environment"])
    assert [name for name in told["environment"] if name.startswith("WINNOW")] == []
    assert told["environment"]["OMP_NUM_THREADS"] == "1"
    assert told["limits"]["RLIMIT_FSIZE"] == [1 << 20, 1 << 20]
    assert told["limits"]["RLIMIT_NOFILE"] == [1024, 1024]


def test_told_to_stop_it_leaves_a_checkpoint_that_it_goes_on_from(start: Start, tmp_path: Path) -> None:
    runner = start()
    ear = Ear(runner)
    runner.send(order(Behaviour.TRAINS, tmp_path))
    eventually(lambda: (runner.advance()[0] or 0) > 0.01, 30, "progress")
    runner.send(StopOrder(checkpoint=True))
    kept, stopped = ear.next(), ear.next()
    assert isinstance(kept, Checkpoint)
    assert isinstance(stopped, Stopped)
    assert kept.step > 0

    after = start()
    ear = Ear(after)
    after.send(order(Behaviour.TRAINS, tmp_path, kept.path))
    eventually(lambda: after.advance()[0], 30, "progress")
    assert (after.advance()[0] or 0) >= kept.step / 2000


def test_progress_carries_points_until_they_are_written_down(start: Start, tmp_path: Path) -> None:
    runner = start()
    Ear(runner)
    runner.send(order(Behaviour.TRAINS, tmp_path))
    eventually(lambda: runner.advance()[1], 30, "a point")
    share, points = runner.advance()
    assert share is not None
    runner.carried(len(points))
    assert points[0] not in runner.advance()[1]


def test_a_stop_for_one_unit_does_not_stop_the_next(start: Start, tmp_path: Path) -> None:
    runner = start()
    ear = Ear(runner)
    runner.send(order(Behaviour.FINISHES, tmp_path))
    result_of(ear.next())
    runner.send(StopOrder(checkpoint=False))
    runner.send(order(Behaviour.FINISHES, tmp_path))
    result_of(ear.next())


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [(Behaviour.EXITS, 7), (Behaviour.KILLS_ITSELF, -signal.SIGKILL), (Behaviour.LOSES_A_PROCESS, 1)],
)
def test_a_death_is_an_event(start: Start, tmp_path: Path, behaviour: Behaviour, status: int) -> None:
    runner = start()
    ear = Ear(runner)
    runner.send(order(behaviour, tmp_path))
    died = ear.next()
    assert isinstance(died, Died)
    assert died.status == status
    assert not runner.alive


def test_a_slot_sees_its_share_of_the_gpus() -> None:
    launch = Launch("gpu", {"PATH": "/usr/bin", "CUDA_VISIBLE_DEVICES": "4,5,6,7"}, 1 << 20)

    def seen(gpus: str, a_slot: int, *slots: int) -> list[str]:
        shared = replace(launch, gpus=tuple(gpus.split()), gpus_a_slot=a_slot)
        return [shared.seeing(slot)["CUDA_VISIBLE_DEVICES"] for slot in slots]

    assert launch.seeing(None) == launch.environment
    assert seen("0 1 2 3", 1, 0, 3) == ["0", "3"]
    assert seen("4 5 6 GPU-7", 2, 0, 1) == ["4,5", "6,GPU-7"]
    assert seen("0 1 2", 1, 0, 1, 2, 3, 4) == ["0", "1", "2", "0", "1"]
    assert seen("", 1, 0) == [""]


def test_a_death_between_units_is_heard_by_the_next(start: Start) -> None:
    runner = start()
    runner.kill()
    eventually(lambda: not runner.alive, 10, "the end")
    assert isinstance(Ear(runner).next(), Died)


def test_it_ends_when_its_input_ends_in_the_middle_of_a_unit(start: Start, tmp_path: Path) -> None:
    runner = start()
    ear = Ear(runner)
    runner.send(order(Behaviour.TRAINS, tmp_path))
    eventually(lambda: runner.advance()[0], 30, "progress")
    assert runner.process.stdin is not None
    runner.process.stdin.close()
    died = ear.next()
    assert isinstance(died, Died)
    assert died.status == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_to_the_whole_group_are_not_for_it(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    runner = start()
    ear = Ear(runner)
    eventually(lambda: runner.numerics, 30, "ready")
    os.kill(runner.process.pid, number)
    runner.send(order(Behaviour.FINISHES, tmp_path))
    result_of(ear.next())


PARENT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {checkout!r})
from tests.unit.worker.test_runner import Behaviour, Ear, order
from worker.child import Launch, Runner
runner = Runner(Launch("cpu", {{"PATH": "/usr/bin"}}, 1 << 20, units="tests.support.fake_units"), 1)
runner.send(order(Behaviour.SAYS_NOTHING, Path({folder!r})))
while runner.numerics is None:
    time.sleep(0.05)
print(runner.process.pid, flush=True)
time.sleep(600)
"""


def test_nobody_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    program = PARENT.format(checkout=str(CHECKOUT), folder=str(tmp_path))
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie", 10, "no orphan")
