"""Folders that are streamed give, to the byte, what resident ones give; memory and processes stay bounded."""

import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from tests.support.folders import NAME, job_on, shapes
from tests.support.lottery import MemoryWorkspace, do_all
from winnow.artifact.uploads import inspect_folder
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import Conflict, InvalidFile, Reason
from winnow.contract.specs.choices import DatasetChoice
from winnow.contract.specs.training import Augment
from winnow.lottery.data import AnyPart, Batches, Split, in_order, load, split, stream
from winnow.lottery.data.ahead import AHEAD
from winnow.lottery.data.decoders import Coming, Decoders, Form
from winnow.lottery.units import Stop, UnitFailed, Warm, run
from winnow.plan import places
from winnow.plan.dataset_choice import chosen

TRAIN = {"steps": 12, "batch_size": 8, "optimizer": {"name": "sgd", "lr": 0.05}}
SMALL = DatasetChoice(name=NAME, size=(8, 10))
CROPS = Augment(crop=2, flip=True)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the shapes in it, to be left as it is."""
    folder = tmp_path_factory.mktemp("data")
    shapes(folder)
    return folder


@pytest.fixture(scope="module")
def facts(data_dir: Path) -> DatasetFacts:
    return shapes(data_dir)


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    """Started once: most tests do not care who decodes."""
    found = Decoders(2)
    yield found
    found.rest()


@pytest.fixture
def started() -> Callable[[], set[int]]:
    """The processes that were started since the test began, and still run."""
    before = children()
    return lambda: children() - before


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True) if child.status() != "zombie"}


def streaming(data_dir: Path, processes: int = 2) -> Warm:
    return Warm(data_dir, resident_bytes=0, decoders=processes)


def both(facts: DatasetFacts, data_dir: Path, decoders: Decoders, **choice: Any) -> tuple[Split, Split]:
    taken = chosen(DatasetChoice(**{"name": NAME, "size": (8, 10)} | choice), facts)
    return split(load(taken, data_dir), taken, 3), split(stream(taken, data_dir, decoders), taken, 3)


def pictures(part: AnyPart, batch_size: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    found = [(x.clone(), y) for x, y in part.in_order(batch_size)]
    x, y = (torch.cat(parts) for parts in zip(*found, strict=True))
    return x, y


@pytest.mark.parametrize(
    "choice",
    [{}, {"classes": ("square", "disc"), "fraction": Decimal("0.5"), "size": (9, 7), "channels": 1}],
    ids=["as it is", "a part of it, in grey and another size"],
)
def test_the_three_splits_are_the_same_images_and_are_normalised_by_the_same_numbers(
    facts: DatasetFacts, data_dir: Path, decoders: Decoders, choice: dict[str, Any]
) -> None:
    resident, streamed = both(facts, data_dir, decoders, **choice)
    assert streamed.preprocessing == resident.preprocessing
    for name in ("train", "validation", "test"):
        ours, theirs = pictures(getattr(streamed, name)), pictures(getattr(resident, name))
        assert ours[0].dtype == torch.uint8
        assert torch.equal(ours[0], theirs[0]), name
        assert torch.equal(ours[1], theirs[1]), name


@pytest.mark.parametrize("batch_size", [1, 8, 100])
def test_a_step_sees_the_same_batch_whatever_came_before(
    facts: DatasetFacts, data_dir: Path, decoders: Decoders, batch_size: int
) -> None:
    resident, streamed = (
        Batches(one.train, one.preprocessing, batch_size=batch_size, seed=5, replicate=1, augment=CROPS)
        for one in both(facts, data_dir, decoders)
    )
    for step in (0, 1, 2, 3, 9, 10, 4, 4):
        ours, theirs = streamed.at(step), resident.at(step)
        assert torch.equal(ours[0], theirs[0]), step
        assert torch.equal(ours[1], theirs[1]), step


JOBS: dict[str, Mapping[str, Any]] = {
    "train": {"train": TRAIN | {"batch_size": 7, "augment": {"crop": 1, "flip": True}}},
    "prune": {
        "kind": "prune",
        "model": "lenet_300_100",
        "target": {"sparsity": 0.5},
        "method": {"criterion": "snip", "schedule": "one_shot"},
        "replicates": 1,
        "arms": ["ticket", "random_mask"],
    },
    "transfer": {
        "kind": "transfer",
        "model": {
            "job": {
                "kind": "train",
                "dataset": {"name": NAME, "size": [8, 10], "channels": 1, "classes": ["ring", "disc"]},
                "model": "lenet_300_100",
                "train": TRAIN,
            }
        },
        "trainable": "head",
        "arms": ["no_mask"],
        "replicates": 1,
    },
}


@pytest.mark.parametrize("name", JOBS)
def test_every_file_and_number_of_a_job_is_the_same(
    facts: DatasetFacts, data_dir: Path, tmp_path: Path, started: Callable[[], set[int]], name: str
) -> None:
    job, found = job_on(facts, **JOBS[name]), []
    for place, warm in (("resident", Warm(data_dir)), ("streamed", streaming(data_dir))):
        (tmp_path / place).mkdir()
        results = do_all(job, tmp_path / place, warm)
        found.append({key: result.model_dump(exclude={"seconds"}) for key, result in results.items()})
        assert not started()  # whoever decoded is gone with the unit
    assert found[0] == found[1]


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


class Counting(Decoders):
    """Remembers whatever pixels it has ever given room to."""

    def __init__(self) -> None:
        super().__init__(2)
        self.rooms: list[weakref.ref[Any]] = []

    def ask(self, form: Form, paths: Any) -> Coming:
        coming = super().ask(form, paths)
        self.rooms.append(weakref.ref(coming.pixels))
        return coming

    def held(self) -> int:
        return sum(room() is not None for room in self.rooms)


def test_only_so_many_batches_are_ever_held(facts: DatasetFacts, data_dir: Path) -> None:
    counting = Counting()
    try:
        _, streamed = both(facts, data_dir, counting)
        assert len(counting.rooms) > 0
        assert counting.held() == 0
        batches = Batches(streamed.train, streamed.preprocessing, batch_size=2, seed=0, replicate=0, augment=CROPS)
        for step in range(20):
            batches.at(step)
            assert counting.held() <= AHEAD + 1
        for _ in in_order(streamed.test, streamed.preprocessing, 1):
            assert counting.held() <= 2 * (AHEAD + 1)  # a split is measured between two steps
    finally:
        counting.rest()


def everything(of: Split) -> None:
    for part in (of.train, of.validation, of.test):
        pictures(part)


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-60])


def test_whoever_can_stop_is_asked_at_every_batch_while_all_files_are_gone_through(
    facts: DatasetFacts, data_dir: Path, decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winnow.lottery.data.streamed.IMAGES_AT_ONCE", 2)
    asked = iter(range(10_000))
    monkeypatch.setattr(decoders, "beat", lambda: next(asked))
    both(facts, data_dir, decoders)
    assert next(asked) >= 45 / 2


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
