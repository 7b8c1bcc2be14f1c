"""Jobs that begin with a model: its weights, its zeros, its normalisation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.brought import DIGITS, brought_unit, half_pruned, safetensors, weights
from tests.support.lottery import do_all
from winnow.artifact.masks import read_masks
from winnow.artifact.weights import Array, read_metadata, read_weights
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.lottery.state import read_state
from winnow.lottery.units import Warm
from winnow.lottery.workspace import UnitFailed
from winnow.plan import Finished, Resolved, levels, places, plan, resolve
from winnow.runtime.predictor import Predictor

PRUNE: dict[str, Any] = {
    "kind": "prune",
    "dataset": "digits",
    "model": "mdl_mine",
    "target": {"sparsity": 0.8},
    "train": {"steps": 6, "optimizer": {"name": "sgd", "lr": 0.05}},
    "method": {"schedule": {"name": "iterative", "rate": 0.4}},
    "replicates": 1,
}


def begun(model: Unit, /, **changes: Any) -> Resolved:
    return resolve(SPEC.validate_python(PRUNE | changes), DATASETS["digits"], "cpu", (model,))


def sent(folder: Path, tensors: Mapping[str, Array], **inputs: Any) -> Unit:
    """A brought network whose weights lie in the folder, where `do` finds what people sent."""
    data = safetensors(dict(tensors))
    unit = brought_unit(data, **inputs)
    (folder / unit.uploads["weights"]).write_bytes(data)
    return unit


def only(job: Resolved, kind: str) -> str:
    return next(place.unit.key for place in places(job, {}) if place.unit.kind == kind)


def test_training_begins_with_the_values_of_the_model_and_normalises_as_it_did(tmp_path: Path) -> None:
    spec = {name: PRUNE[name] for name in ("dataset", "model", "train")} | {"kind": "train"}
    job = resolve(SPEC.validate_python(spec), DATASETS["digits"], "cpu", (sent(tmp_path, weights()),))
    do_all(job, tmp_path, Warm(None))
    start = read_state(tmp_path / only(job, "train") / "state-0.safetensors")
    assert all(np.array_equal(start.network[name], array) for name, array in weights().items())
    header = read_metadata(tmp_path / only(job, "train") / "weights.safetensors")
    assert '"mean":[0.3]' in header["preprocessing"]


def test_a_model_that_goes_on_at_another_size_predicts_at_that_size(tmp_path: Path) -> None:
    asked = {"kind": "train", "dataset": {"name": "digits", "fraction": 0.1}, "train": {"steps": 2}}
    first = resolve(SPEC.validate_python(asked | {"model": "resnet20"}), DATASETS["digits"], "cpu")
    (model,) = (place.unit for place in places(first, {}))
    larger = {"model": "mdl_first", "dataset": {"name": "digits", "size": [10, 12]}, "target": {"sparsity": 0.5}}
    job = begun(model, **larger, train={"steps": 2}, method={"schedule": "one_shot"}, arms=["ticket"])
    do_all(job, tmp_path, Warm(None))
    pixels = np.zeros((10, 12), np.uint8)
    for unit in (place.unit for place in places(job, {}) if place.unit != model):
        predictor = Predictor(tmp_path / unit.key / "model.onnx")
        assert predictor.preprocessing.size == (10, 12)
        assert predictor.predict([pixels]).shape == (1, 10)


def test_a_job_rewinds_to_what_the_model_came_with(tmp_path: Path) -> None:
    job = begun(sent(tmp_path, weights()))
    results = do_all(job, tmp_path, Warm(None))
    assert [(row.level, row.zeros) for row in levels(job, results)][-1] == (4, 57254)
    checks = {check.name: check.ok for place in places(job, results) for check in results[place.unit.key].checks}
    assert checks["state_at_k_restored"]


def test_the_rewind_point_of_a_model_that_is_given_is_found_too(tmp_path: Path) -> None:
    method = {"schedule": "one_shot", "rewind": "auto"}
    job = begun(sent(tmp_path, weights()), method=method, arms=["ticket"])
    outcome = plan(job, do_all(job, tmp_path, Warm(None)))
    assert isinstance(outcome, Finished)
    assert outcome.outcome.result is not None
    assert outcome.outcome.result.rewind is not None
    assert not outcome.outcome.failed_checks


def test_both_copies_of_a_sparse_model_train_under_its_mask(tmp_path: Path) -> None:
    """Else the line between them would lead from a sparse network to one whose zeros came back."""
    method = {"schedule": "one_shot", "rewind": "auto"}
    job = begun(sent(tmp_path, half_pruned(), zeros="masked"), method=method, arms=["ticket"])
    results = do_all(job, tmp_path, Warm(None))
    copies = [place.unit for place in places(job, results) if place.arm == "stability"]
    assert len(copies) > 1
    for unit in copies:
        found = read_weights(tmp_path / unit.key / "weights.safetensors")
        assert all((found[name][array == 0] == 0).all() for name, array in half_pruned().items() if array.ndim > 1)
        assert results[unit.key].zeros == 35784


def test_pruning_goes_on_from_the_zeros_of_a_sparse_model(tmp_path: Path) -> None:
    sparse = half_pruned()
    job = begun(sent(tmp_path, sparse, zeros="masked"))
    results = do_all(job, tmp_path, Warm(None))
    rows = levels(job, results)
    assert [row.level for row in rows] == [0, 2, 3, 4], "level 1, at 40 %, would mask less than the model does"
    assert rows[0].zeros == sum(int((array == 0).sum()) for name, array in sparse.items() if array.ndim > 1)
    for place in places(job, results):
        if place.arm == "ticket":
            masks = read_masks(tmp_path / place.unit.key / "mask.safetensors")
            found = read_weights(tmp_path / place.unit.key / "weights.safetensors")
            assert all(not (mask & (sparse[name] == 0)).any() for name, mask in masks.items())
            assert all((found[name][~mask] == 0).all() for name, mask in masks.items())


@pytest.mark.parametrize("retraining", ["fine_tune", "lr_rewind"])
def test_the_steps_of_levels_that_a_sparse_model_never_had_are_not_counted(tmp_path: Path, retraining: str) -> None:
    job = begun(
        sent(tmp_path, half_pruned(), zeros="masked"),
        method={"schedule": {"name": "iterative", "rate": 0.4}, "retraining": retraining},
        arms=["ticket", "fine_tuned"],
        replicates=2,
    )
    results = do_all(job, tmp_path, Warm(None))
    found = [place for place in places(job, results) if place.replicate == 1]
    trained = {(place.arm, place.level): results[place.unit.key].total_steps // job.steps for place in found}
    tickets = {("ticket", 2): 2, ("ticket", 3): 3, ("ticket", 4): 4}
    assert trained == {("dense", 0): 1, **tickets, **{("fine_tuned", level): 2 for _, level in tickets}}
    answer = plan(job, results)
    assert isinstance(answer, Finished)
    assert not answer.outcome.failed_checks


@pytest.mark.parametrize("scope", ["global", "layer", "erk"])
@pytest.mark.parametrize(
    "schedule", ["one_shot", {"name": "iterative", "rate": 0.3}, {"name": "iterative", "rate": 0.4}]
)
def test_a_model_that_is_sparser_than_asked_for_loses_nothing_more(tmp_path: Path, scope: str, schedule: Any) -> None:
    sparse = half_pruned()
    method = {"scope": scope, "schedule": schedule}
    job = begun(sent(tmp_path, sparse, zeros="masked"), target={"sparsity": 0.3}, method=method, arms=["ticket"])
    rows = levels(job, do_all(job, tmp_path, Warm(None)))
    assert [row.level for row in rows] == [0, 1]
    assert rows[1].zeros == rows[0].zeros


def test_zeros_of_a_sparse_model_never_come_back_in_a_layer_that_is_excluded(tmp_path: Path) -> None:
    """A layer that is left out of pruning has no mask there: what the model had pruned of it would train again."""
    method = {"scope": {"exclude": ["fc1.weight"]}, "schedule": "one_shot"}
    job = begun(sent(tmp_path, half_pruned(), zeros="masked"), method=method, arms=["ticket"])
    with pytest.raises(UnitFailed, match="excluded from pruning, but the model masks 32768"):
        do_all(job, tmp_path, Warm(None))


def test_a_layer_that_a_sparse_model_keeps_whole_may_be_excluded(tmp_path: Path) -> None:
    sparse = half_pruned() | {"fc1.weight": weights()["fc1.weight"]}
    method = {"scope": {"exclude": ["fc1.weight"]}, "schedule": "one_shot"}
    job = begun(sent(tmp_path, sparse, zeros="masked"), method=method, arms=["ticket"])
    rows = levels(job, do_all(job, tmp_path, Warm(None)))
    assert (rows[-1].zeros, rows[-1].prunable) == (4826, 6032)


def test_classes_in_another_order_are_those_of_the_model_by_name(tmp_path: Path) -> None:
    backwards = tuple(reversed(DIGITS))
    spec = {"kind": "train", "dataset": "digits", "model": "mdl_mine", "train": PRUNE["train"]}
    model = sent(tmp_path, weights(), classes=backwards)
    job = resolve(SPEC.validate_python(spec), DATASETS["digits"], "cpu", (model,))
    do_all(job, tmp_path, Warm(None))
    start = read_state(tmp_path / only(job, "train") / "state-0.safetensors").network
    head = [name for name in weights() if name.startswith("fc")][-1]
    assert np.array_equal(start[head], weights()[head][::-1])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dataset": "fashion_mnist"}, "transfer"),
        ({"dataset": {"name": "digits", "size": [16, 16]}}, "`size`"),
    ],
)
def test_what_a_model_cannot_do_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidSpec, match=says):
        resolve(
            SPEC.validate_python(PRUNE | changes),
            DATASETS.get(str(changes.get("dataset")), DATASETS["digits"]),
            "cpu",
            (brought_unit(safetensors(weights())),),
        )


@pytest.mark.parametrize(
    "method",
    [
        {"granularity": "2:4"},
        {
            "scope": {"name": "layer"},
            "schedule": {"name": "iterative", "rate": {"conv": 0.2, "linear": 0.2, "output": 0.1}},
        },
        {"schedule": {"name": "gradual", "end": {"step": 4}, "every": {"steps": 1}}},
    ],
)
def test_a_sparse_model_is_pruned_further_weight_by_weight(method: dict[str, Any]) -> None:
    model = brought_unit(safetensors(half_pruned()), zeros="masked")
    target = None if "granularity" in method else PRUNE["target"]
    spec = SPEC.validate_python(PRUNE | {"method": method, "target": target})
    with pytest.raises(InvalidSpec, match="sparse already"):
        resolve(spec, DATASETS["digits"], "cpu", (model,))


def test_a_model_whose_answers_overflow_cannot_be_measured_and_says_so(tmp_path: Path) -> None:
    """Its weights are finite, its loss is not: a result that holds such a number could not be read again."""
    wild = weights() | {name: weights()[name] * np.float32(1e30) for name in ("fc1.weight", "fc2.weight")}
    spec = SPEC.validate_python({"kind": "evaluate", "dataset": "digits", "model": "mdl_mine"})
    with pytest.raises(UnitFailed, match="not finite"):
        do_all(resolve(spec, DATASETS["digits"], "cpu", (sent(tmp_path, wild),)), tmp_path, Warm(None))
