"""Folders that are streamed give, to the byte, what resident ones give, and memory stays bounded."""

import weakref
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.folders import NAME, job_on
from tests.support.lottery import do_all
from tests.support.streams import both, pictures, streaming
from winnow.contract.datasets import DatasetFacts
from winnow.contract.specs.training import Augment
from winnow.lottery.data import Batches, in_order
from winnow.lottery.data.ahead import AHEAD
from winnow.lottery.data.decoders import Coming, Decoders, Form
from winnow.lottery.units import Warm

TRAIN = {"steps": 12, "batch_size": 8, "optimizer": {"name": "sgd", "lr": 0.05}}
CROPS = Augment(crop=2, flip=True)


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


def test_whoever_can_stop_is_asked_at_every_batch_while_all_files_are_gone_through(
    facts: DatasetFacts, data_dir: Path, decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winnow.lottery.data.streamed.IMAGES_AT_ONCE", 2)
    asked = iter(range(10_000))
    monkeypatch.setattr(decoders, "beat", lambda: next(asked))
    both(facts, data_dir, decoders)
    assert next(asked) >= 45 / 2
