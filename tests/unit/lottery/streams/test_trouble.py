"""Stops, damaged files and killed processes while a folder is streamed: told at once, and nothing is left running."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.folders import NAME, job_on, shapes
from tests.support.lottery import MemoryWorkspace
from tests.support.streams import SMALL, both, pictures, streaming
from winnow.artifact.uploads import inspect_folder
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import Conflict, InvalidFile, Reason
from winnow.lottery.data import Split, split, stream
from winnow.lottery.data.decoders import Decoders
from winnow.lottery.units import Stop, UnitFailed, Warm, run
from winnow.plan import places
from winnow.plan.dataset_choice import chosen


def test_a_stop_leaves_no_process_and_a_checkpoint_from_which_the_same_bytes_come(
    facts: DatasetFacts, data_dir: Path, tmp_path: Path, started: Callable[[], set[int]]
) -> None:
    unit = places(job_on(facts), {})[0].unit
    outputs = [tmp_path / name for name in ("whole", "cut", "resumed")]
    for path in outputs:
        path.mkdir()
    whole = run(unit, MemoryWorkspace(outputs[0]), Warm(data_dir))
    cut = MemoryWorkspace(outputs[1], stop=lambda done: done >= 5)
    with pytest.raises(Stop):
        run(unit, cut, streaming(data_dir))
    assert not started()
    assert cut.saved is not None
    resumed = MemoryWorkspace(outputs[2], saved=cut.saved)
    assert run(unit, resumed, streaming(data_dir, 1)).files == whole.files
    assert min(done for done, _, _ in resumed.seen if done) >= 5


def everything(of: Split) -> None:
    for part in (of.train, of.validation, of.test):
        pictures(part)


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-60])


def test_a_stop_is_heard_before_anything_is_trained(
    facts: DatasetFacts, data_dir: Path, tmp_path: Path, started: Callable[[], set[int]]
) -> None:
    unit = places(job_on(facts), {})[0].unit
    with pytest.raises(Stop):
        run(unit, workspace := MemoryWorkspace(tmp_path, stop=lambda _done: True), streaming(data_dir))
    assert workspace.seen == [(0, 1, None)]
    assert not started()


def test_a_file_that_cannot_be_decoded_is_named_before_anything_is_trained(
    tmp_path: Path, started: Callable[[], set[int]]
) -> None:
    shapes(tmp_path)
    damaged(tmp_path / NAME / "ring" / "04.png")
    unit = places(job_on(inspect_folder(tmp_path / NAME).facts(NAME)), {})[0].unit
    told = []
    for warm in (Warm(tmp_path), streaming(tmp_path, 3)):
        workspace = MemoryWorkspace(tmp_path)
        with pytest.raises(UnitFailed, match=r"'ring/04\.png' is cut off or damaged") as failed:
            run(unit, workspace, warm)
        told.append((failed.value.reason, failed.value.detail))
        assert all(done == 0 for done, _, _ in workspace.seen)
        assert not started()
    assert told[0] == told[1]
    assert told[0][0] == Reason.DATA_ERROR


def vanished(path: Path) -> None:
    path.unlink()


def changed(path: Path) -> None:
    path.write_bytes((path.parent / "06.png").read_bytes())


def stuck(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("happens", "problem", "said"),
    [
        (vanished, InvalidFile, r"ring/04\.png cannot be read \(No such file"),
        (damaged, InvalidFile, r"'ring/04\.png' is cut off"),
        (changed, Conflict, r"'ring/04\.png' of data set 'shapes' has changed"),
    ],
)
def test_what_happens_to_a_file_on_the_way_is_told(
    tmp_path: Path, decoders: Decoders, happens: Callable[[Path], None], problem: type[Exception], said: str
) -> None:
    _, streamed = both(shapes(tmp_path), tmp_path, decoders)
    happens(tmp_path / NAME / "ring" / "04.png")
    with pytest.raises(problem, match=said):
        everything(streamed)


def test_what_is_another_data_set_by_now_is_not_trained_on(tmp_path: Path, decoders: Decoders) -> None:
    facts = shapes(tmp_path)
    changed(tmp_path / NAME / "ring" / "04.png")
    with pytest.raises(Conflict, match="its fingerprint was"):
        split(stream(chosen(SMALL, facts), tmp_path, decoders), chosen(SMALL, facts), 0)
    vanished(tmp_path / NAME / "ring" / "04.png")
    with pytest.raises(Conflict, match="it had 45 images of 3 classes and has 44 of 3"):
        stream(facts, tmp_path, decoders)


def test_a_stop_is_heard_while_an_image_does_not_come(tmp_path: Path, started: Callable[[], set[int]]) -> None:
    decoders = Decoders(2)
    _, streamed = both(shapes(tmp_path), tmp_path, decoders)
    stuck(tmp_path / NAME / "ring" / "04.png")  # who opens it waits for ever

    def beat() -> None:
        raise Stop(checkpoint=True)

    decoders.beat, began = beat, time.monotonic()
    with pytest.raises(Stop):
        everything(streamed)
    decoders.rest()
    assert time.monotonic() - began < 5
    assert not started()


def test_an_image_that_never_comes_is_given_up(
    tmp_path: Path, started: Callable[[], set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winnow.lottery.data.decoders.PATIENCE", 0.5)
    decoders = Decoders(1)
    facts = chosen(SMALL, shapes(tmp_path))
    stuck(tmp_path / NAME / "disc" / "00.png")
    with pytest.raises(InvalidFile, match=r"'disc/00\.png' and what is read with it did not come"):
        split(stream(facts, tmp_path, decoders), facts, 0)
    decoders.rest()
    assert not started()


def test_a_process_that_was_killed_is_told(
    facts: DatasetFacts, data_dir: Path, started: Callable[[], set[int]]
) -> None:
    decoders = Decoders(1)
    _, streamed = both(facts, data_dir, decoders)
    (child,) = started()
    os.kill(child, signal.SIGKILL)
    with pytest.raises(UnitFailed, match="ended with status -9") as failed:
        pictures(streamed.train)
    decoders.rest()
    assert failed.value.reason == Reason.OUT_OF_MEMORY


KILLED = """
import os, sys, time
from pathlib import Path
import psutil
import torch
from tests.support.folders import shapes
from winnow.contract.specs.choices import DatasetChoice
from winnow.lottery.data import split, stream
from winnow.lottery.data.decoders import Decoders
from winnow.plan.dataset_choice import chosen

facts = chosen(DatasetChoice(name="shapes", size=(8, 10)), shapes(Path(sys.argv[1])))
cut = split(stream(facts, Path(sys.argv[1]), Decoders(2)), facts, 0)
file = Path(sys.argv[1], "shapes", "ring", "04.png")
file.unlink()
os.mkfifo(file)  # whoever opens it waits for ever
everything = cut.train.source.ask(torch.arange(45))
print(*[child.pid for child in psutil.Process().children()], flush=True)
time.sleep(60)
"""


def test_nothing_is_left_of_a_process_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        started = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()
    assert len(started) == 2
    ends = time.monotonic() + 5
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in started):
        assert time.monotonic() < ends
        time.sleep(0.05)
