"""The features of what is frozen: computed once, shared, and changing nothing but the time."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.lottery import MemoryWorkspace, do, do_all, inputs_of
from tests.support.transfers import source_job, source_units, transfer_job
from winnow.artifact.weights import read_weights
from winnow.contract.inputs import TransferInputs
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.architectures import build
from winnow.lottery.state import load_network
from winnow.lottery.units import Warm, run
from winnow.plan import Resolved, places

HEAD = ("fc2.weight", "fc2.bias")


def ticket_alone(**changes: Any) -> Resolved:
    return transfer_job(arms=["mask_trained"], **changes)


def on_images(unit: Unit) -> Unit:
    """The same transfer, shown the images themselves."""
    assert isinstance(unit.inputs, TransferInputs)
    return Unit(inputs=unit.inputs.model_copy(update={"features": None}), dataset=unit.dataset, cost=1)


def last_logits(unit: Unit, folder: Path, images: torch.Tensor) -> torch.Tensor:
    network = build(*unit.network).eval()
    load_network(network, read_weights(folder / "weights.safetensors"))
    with torch.inference_mode():
        return network(images)


def with_and_without(job: Resolved, folder: Path, tmp_path: Path) -> tuple[UnitResult, UnitResult]:
    """The last transfer of a job on features, and on images: its results, equal but for rounding."""
    shown, unit = (place.unit for place in places(job, {})[-2:])
    assert unit.parents["features"] == shown.key
    if not (folder / shown.key).exists():
        do(shown, folder, Warm(None))
    assert (folder / shown.key / "features.safetensors").exists()
    images = torch.rand(50, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    results, logits = [], []
    for number, one in enumerate((unit, on_images(unit))):
        outputs = tmp_path / str(number)
        outputs.mkdir()
        results.append(run(one, MemoryWorkspace(outputs, inputs_of(one, folder)), Warm(None)))
        logits.append(last_logits(one, outputs, images))
    assert (logits[0] - logits[1]).abs().max() <= 1e-4 * logits[1].abs().max()
    for name in ("train", "validation", "test", "best_validation", "best_test"):
        found, wanted = (getattr(result.metrics, name) for result in results)
        assert (found.correct, found.images) == (wanted.correct, wanted.images)
        assert found.loss == pytest.approx(wanted.loss, rel=1e-4)
    other = {"seconds", "files", "curve", "checks", "metrics", "fixed_bytes"}
    first, second = results
    assert first.model_dump(exclude=other) == second.model_dump(exclude=other)
    assert first.metrics.best_step == second.metrics.best_step
    return first, second


@pytest.mark.parametrize("changes", [{}, {"model": {"name": "mdl_source", "dropout": "0.4"}}], ids=["plain", "dropout"])
@pytest.mark.parametrize("trainable", ["head", ["fc1"], ["conv2"]], ids=repr)
def test_with_features_and_without_them_the_same_comes_out(
    trainable: Any, changes: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    with_and_without(ticket_alone(trainable=trainable, **changes), folder, tmp_path)


def test_on_features_the_best_step_is_measured_as_on_images(folder: Path, tmp_path: Path) -> None:
    """Also where it is not the last: its weights are put back behind the features."""
    train = {"steps": 60, "optimizer": {"name": "sgd", "lr": "0.6", "momentum": "0.9"}}
    result, _ = with_and_without(ticket_alone(trainable="head", train=train), folder, tmp_path)
    assert result.metrics.best_step is not None
    assert result.metrics.best_step < result.end_step
    assert result.metrics.best_test != result.metrics.test


def test_batch_norm_behind_the_features_is_trained_as_on_images(tmp_path: Path) -> None:
    source = source_job(model="resnet20", target={"sparsity": 0.2}, method={"schedule": "one_shot"})
    do_all(source, tmp_path, Warm(None))
    (tmp_path / "out").mkdir()
    job = transfer_job(source_units(source), trainable=["layer3"], arms=["mask_trained"])
    result, _ = with_and_without(job, tmp_path, tmp_path / "out")
    assert next(check for check in result.checks if check.name == "frozen_unchanged").ok


def test_dropout_that_is_asked_for_drops_also_before_a_head_that_trains_alone(folder: Path, tmp_path: Path) -> None:
    found = []
    for rate in ("0", "0.4"):
        job = ticket_alone(trainable="head", model={"name": "mdl_source", "dropout": rate})
        plain = on_images(places(job, {})[-1].unit)
        (tmp_path / rate).mkdir()
        run(plain, MemoryWorkspace(tmp_path / rate, inputs_of(plain, folder)), Warm(None))
        found.append(read_weights(tmp_path / rate / "weights.safetensors")[HEAD[0]])
    assert not np.array_equal(found[0], found[1])


def keys(job: Resolved, kind: str) -> list[str]:
    return [place.unit.key for place in places(job, {}) if place.unit.kind == kind]


@pytest.mark.parametrize(
    "changes",
    [
        {"train": {"steps": 12, "optimizer": {"name": "adam", "lr": 0.001}}},
        {"train": {"epochs": 3, "batch_size": 17, "init": "kaiming_normal", "label_smoothing": 0.1}},
        {"replicates": 4},
    ],
    ids=repr,
)
def test_features_are_shared_by_replicates_and_by_all_ways_to_train_on_them(changes: dict[str, Any]) -> None:
    arms = ["mask_trained", "no_mask"]
    first, other = transfer_job(trainable="head", arms=arms), transfer_job(trainable="head", arms=arms, **changes)
    assert len(keys(first, "features")) == 2
    assert keys(other, "features") == keys(first, "features")
    assert not set(keys(other, "transfer")) & set(keys(first, "transfer")) or "replicates" in changes


def test_features_of_what_is_drawn_anew_belong_to_their_replicate() -> None:
    job = transfer_job(trainable="head", arms=["random_mask", "mask_random", "mask_trained"], replicates=3)
    assert len(keys(job, "features")) == 3 + 3 + 1


@pytest.mark.parametrize("changes", [{"trainable": "all"}, {"augment": {"flip": True}}], ids=repr)
def test_without_a_frozen_part_or_with_augmented_images_there_are_no_features(changes: dict[str, Any]) -> None:
    train = {"steps": 12} | ({"augment": changes.pop("augment")} if "augment" in changes else {})
    job = transfer_job(**{"trainable": "head", "train": train} | changes)
    assert keys(job, "features") == []


def test_a_part_that_cannot_be_cut_is_trained_on_images_with_no_features_left(folder: Path) -> None:
    job = ticket_alone(trainable=["conv1"])
    results = {}
    for place in places(job, {})[-2:]:
        results[place.unit.kind] = do(place.unit, folder, Warm(None))
    assert not results["features"].files
    assert all(check.ok for check in results["transfer"].checks)
