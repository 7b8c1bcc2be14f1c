"""A unit on two processes: the same bytes every time, whatever is stopped or killed, and nothing left running."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from tests.support.lottery import MemoryWorkspace
from tests.support.processes import running
from tests.support.workers import CHECKOUT, resolved
from winnow.artifact.certificate import read_certificate
from winnow.artifact.digest import file_ref
from winnow.contract.problems import Reason
from winnow.contract.units import Unit
from winnow.lottery.distributed import first
from winnow.lottery.distributed.first import together
from winnow.lottery.distributed.orders import Failure, Order
from winnow.lottery.distributed.ranks import Ranks
from winnow.lottery.units import ProcessLost, Stop, UnitFailed, Warm, run
from winnow.plan import places

SPEC: dict[str, Any] = {
    "kind": "prune",
    "dataset": "digits",
    "model": "digits_cnn",
    "target": {"sparsity": 0.5},
    "train": {"steps": 12, "batch_size": 500, "optimizer": {"name": "sgd", "lr": 0.05}},
    "method": {"schedule": "one_shot", "rewind": {"step": 5}},
    "arms": ["ticket"],
    "replicates": 1,
    "processes": 2,
}
"""Two units of 12 steps, 3 an epoch."""
ALIKE = {"masks_alike_in_all_processes", "network_alike_in_all_processes"}


def dense(**changes: Any) -> Unit:
    return places(resolved(SPEC | changes), {})[0].unit


def files_of(out: Path) -> dict[str, object]:
    """Everything that must not differ."""
    found: dict[str, object] = {
        str(path.relative_to(out)): file_ref(path) for path in out.glob("units/*/*") if path.name != "result.json"
    }
    return found | {name: file_ref(out / name) for name in ("certificate.json", "table.json", "table.csv")}


def others_of(first: int) -> list[psutil.Process]:
    """The processes that the first one of a unit has started for it."""
    return running("winnow.lottery.distributed.other", first)


def winnow_run(folder: Path) -> Path:
    """The job by the command line, in FOLDER/out."""
    (folder / "job.json").write_text(json.dumps(SPEC))
    command = [sys.executable, "-m", "winnow.cli", "run", "job.json", "--out", "out"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return winnow_run(tmp_path_factory.mktemp("finished"))


def test_winnow_run_does_every_unit_and_proves_that_masks_were_the_same(finished: Path) -> None:
    """Trap 23: masks that differ between processes, of which nobody hears."""
    found = {path.parent.name: json.loads(path.read_text()) for path in finished.glob("units/*/result.json")}
    assert found.keys() == {place.unit.key for place in places(resolved(SPEC), {})}
    audit = {check["name"]: check for check in read_certificate(finished / "certificate.json")["audit"]}
    assert all(check["ok"] for check in audit.values())
    assert audit.keys() >= ALIKE
    told = [check for result in found.values() for check in result["checks"] if check["name"] in ALIKE]
    assert len(told) == 2 * len(ALIKE)
    assert all(re.fullmatch(r"2 processes: sha256 [0-9a-f]{64}", check["evidence"]) for check in told)
    assert not any((finished / "work").iterdir())


STOPPED_THEN_HELD = """
import json, os, sys, time
from pathlib import Path
from winnow.lottery.numerics import environment
os.environ.update(environment(1))
from tests.support.workers import resolved
from winnow.lottery.local import run_job
from winnow.lottery.units import Stop, Warm

job, out, warm = resolved(json.loads(sys.argv[1])), Path(sys.argv[2]), Warm(None)

def stop(status):
    if status.unit_fraction >= 0.5:
        raise Stop(checkpoint=True)

def hold(status):
    if status.unit.kind == "level" and status.unit_fraction >= 0.5:
        print("held", flush=True)
        time.sleep(600)

try:
    run_job(job, out, warm, stop)
except Stop:
    print("stopped", *[path.name for path in out.glob("work/*/*")], flush=True)
run_job(job, out, warm, hold)
"""


@pytest.fixture
def cut_off(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The same job in FOLDER/out, stopped in the first unit, resumed there, and held in the middle of the second."""
    command = [sys.executable, "-c", STOPPED_THEN_HELD, json.dumps(SPEC), str(tmp_path / "out")]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_stopped_killed_and_run_again_it_ends_in_the_same_bytes_and_no_process_is_left(
    finished: Path, cut_off: subprocess.Popen[str], tmp_path: Path
) -> None:
    """A stop leaves a checkpoint, from which both go on; SIGKILL of the first process is the end of the second."""
    assert cut_off.stdout is not None
    stopped, *left = cut_off.stdout.readline().split()
    assert stopped == "stopped"
    assert [name.startswith("checkpoint-") or name == "outputs" for name in left] == [True, True], left
    assert cut_off.stdout.readline() == "held\n"
    others = others_of(cut_off.pid)
    assert len(others) == 1

    cut_off.send_signal(signal.SIGKILL)
    cut_off.wait()

    assert not psutil.wait_procs(others, timeout=5)[1]
    assert files_of(winnow_run(tmp_path)) == files_of(finished)


def test_a_process_that_is_killed_is_a_loss_which_is_told_at_once(tmp_path: Path) -> None:
    """Nobody waits for what will never come."""
    (tmp_path / "outputs").mkdir()

    def kill_the_other(done: int) -> bool:
        if done == 6:
            for other in others_of(os.getpid()):
                other.kill()
        return False

    workspace = MemoryWorkspace(tmp_path / "outputs", stop=kill_the_other)
    with pytest.raises(ProcessLost, match="Process 1 of the unit's 2 ended with status -9"):
        run(dense(), workspace, Warm(None))
    assert max(done for done, _, _ in workspace.seen) == 6
    assert not others_of(os.getpid())
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]


def ended(folder: Path, failure: Failure | None = None) -> Any:
    """A process that has ended, as the first one sees it: without a word unless it left one."""
    said = folder / "failure.json"
    if failure:
        folder.mkdir()
        said.write_text(failure.model_dump_json())
    process = SimpleNamespace(poll=lambda: 1, returncode=1)
    return SimpleNamespace(order=SimpleNamespace(rank=1, failure=said), process=process)


def test_of_several_that_ended_whoever_knows_why_is_believed_first_and_whoever_calls_it_a_bug_last(
    tmp_path: Path,
) -> None:
    silent = ended(tmp_path / "silent")
    knowing = ended(tmp_path / "knowing", Failure(reason=Reason.OUT_OF_MEMORY, detail="too large"))
    cut_off = ended(tmp_path / "cut-off", Failure(reason=Reason.BUG, detail="Connection closed by peer"))
    assert str(first._why([silent, cut_off, knowing])) == "too large"
    assert isinstance(first._why([cut_off, silent]), ProcessLost)
    assert str(first._why([cut_off])) == "Connection closed by peer"


GPU_GONE = """
import torch
from winnow.lottery.distributed import other

def fail(*_):
    raise torch.AcceleratorError("CUDA error: unspecified launch failure")

other.join = fail
other.main()
"""


def test_a_process_whose_gpu_failed_ends_without_a_word_as_one_that_is_gone(tmp_path: Path) -> None:
    order = Order(
        unit=dense(),
        rank=1,
        inputs={},
        data_dir=None,
        resident_bytes=0,
        decoders=1,
        folder=tmp_path,
        store=tmp_path / "store",
    )
    sent = order.model_dump_json() + "\n"
    command = [sys.executable, "-c", GPU_GONE]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stderr is not None
    with process.stdin as orders, process.stderr as said:
        orders.write(sent)
        orders.flush()
        assert process.wait(timeout=60) == 1
        assert "The GPU failed: CUDA error: unspecified launch failure." in said.read()
    assert not order.failure.exists()


def test_a_first_process_that_has_its_images_waits_for_those_of_the_others(tmp_path: Path) -> None:
    """It may have kept its own from the unit before; torch would give the others up after ten minutes."""
    loaded, beats = tmp_path / "loaded", []
    process = SimpleNamespace(poll=lambda: None)
    other: Any = SimpleNamespace(order=SimpleNamespace(loaded=loaded), process=process)

    def beat() -> None:
        beats.append(len(beats))
        if len(beats) == 3:
            loaded.touch()

    first._await([other], lambda one: one.order.loaded, beat)
    assert beats == [0, 1, 2]


def test_it_is_stopped_while_it_waits(tmp_path: Path) -> None:
    met: list[bool] = []

    def meet(beat: Any) -> None:
        met.append(True)
        beat()

    warm = Warm(None, ranks=Ranks(0, 2, torch.device("cpu"), meet))
    (tmp_path / "outputs").mkdir()
    with pytest.raises(Stop):
        run(dense(), MemoryWorkspace(tmp_path / "outputs", stop=lambda _done: True), warm)
    assert met


def test_why_a_unit_cannot_be_done_is_told_though_several_do_it(tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    diverging = dense(train=SPEC["train"] | {"optimizer": {"name": "sgd", "lr": 100}})
    with pytest.raises(UnitFailed, match="Lower the learning rate") as failed:
        run(diverging, MemoryWorkspace(tmp_path / "outputs"), Warm(None))
    assert failed.value.reason is Reason.USER_ERROR


@pytest.mark.skipif(torch.cuda.device_count() > 1, reason="there are two GPUs here")
def test_more_processes_than_gpus_are_refused_before_any_is_started(tmp_path: Path) -> None:
    unit = dense()
    on_gpus = unit.model_copy(update={"inputs": unit.inputs.model_copy(update={"resource": "gpu"})})
    with (
        pytest.raises(UnitFailed, match=r"2 processes want a GPU each, and [01] can be used here"),
        together(on_gpus, {}, tmp_path / "processes", None),
    ):
        raise AssertionError("it was let in")
    assert not others_of(os.getpid())
