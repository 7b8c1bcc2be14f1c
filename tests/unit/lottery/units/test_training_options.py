import gc
import json
import weakref
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from tests.support.lottery import MemoryWorkspace, digits_job, do, do_all
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import Reason
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.lottery import training
from winnow.lottery.export import graph
from winnow.lottery.units import Warm, run
from winnow.lottery.workspace import Stop, UnitFailed
from winnow.plan import places, resolve


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_every_option_of_training_keeps_what_the_audit_holds(precision: str, tmp_path: Path) -> None:
    """And dropout leaves the graph as it is: it belongs to training alone."""
    train = {
        "steps": 12,
        "optimizer": {"name": "adamw", "lr": 0.01},
        "lr_schedule": "cosine",
        "warmup": {"steps": 3},
        "label_smoothing": 0.1,
        "clip": 0.5,
        "precision": precision,
    }
    job = digits_job("gpu", model={"name": "digits_cnn", "dropout": 0.5}, train=train)
    job = job.model_copy(update={"resource": "cpu"})  # where bf16 is refused only as it is slow
    results = do_all(job, tmp_path, Warm(None))
    assert all(check.ok for result in results.values() for check in result.checks)
    (dense,) = (place.unit.key for place in places(job, results) if place.arm == "dense")
    assert (tmp_path / dense / "graph.onnx").read_bytes() == graph("digits_cnn", 10, 1, (8, 8))


def test_the_result_says_where_early_stopping_ended_a_training(tmp_path: Path) -> None:
    """At a rate too small to move a weight nothing gets better after the first epoch."""
    train = {"epochs": 9, "optimizer": {"name": "sgd", "lr": 1e-12}, "early_stopping": {"patience": 2}}
    sent = {"kind": "train", "dataset": "digits", "model": "lenet_300_100", "train": train}
    job = resolve(SPEC.validate_python(sent), DATASETS["digits"], "cpu")
    (result,) = do_all(job, tmp_path, Warm(None)).values()
    assert (result.start_step, result.end_step, result.total_steps) == (0, 3 * job.steps_per_epoch, result.end_step)
    assert result.metrics.best_step == job.steps_per_epoch


def test_a_network_that_diverges_is_the_users_to_change(tmp_path: Path) -> None:
    job = digits_job(model="lenet_300_100", train={"steps": 200, "optimizer": {"name": "sgd", "lr": 100}})
    with pytest.raises(UnitFailed, match="Lower the learning rate") as failed:
        do(places(job, {})[0].unit, tmp_path, Warm(None))
    assert failed.value.reason is Reason.USER_ERROR


def test_a_data_set_that_changed_is_a_data_error(tmp_path: Path) -> None:
    unit = places(digits_job(), {})[0].unit
    facts: DatasetFacts = DATASETS["digits"].model_copy(update={"fingerprint": "0" * 64})
    with pytest.raises(UnitFailed, match="changed") as failed:
        do(Unit(inputs=unit.inputs, dataset=facts, cost=1), tmp_path, Warm(None))
    assert failed.value.reason is Reason.DATA_ERROR


@pytest.mark.parametrize(
    "said",
    [
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_whatever_torch_says_too_little_memory_is_told_as_that(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_options: object) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(training, "cross_entropy", full)
    with pytest.raises(UnitFailed, match="not enough memory") as failed:
        do(places(digits_job(), {})[0].unit, tmp_path, Warm(None))
    assert failed.value.reason is Reason.OUT_OF_MEMORY


def test_a_data_set_is_let_go_of_with_its_training(tmp_path: Path) -> None:
    """Without Python's collector, which a full memory does not call: so two data sets are never there at once."""
    warm = Warm(None)
    gc.disable()
    try:
        do(places(digits_job(), {})[0].unit, tmp_path, warm)
        assert warm._split is not None
        images = weakref.ref(warm._split[1].train.x)
        warm._split = None
        assert images() is None
    finally:
        gc.enable()


def test_a_stop_reaches_the_caller(tmp_path: Path) -> None:
    workspace = MemoryWorkspace(tmp_path, stop=lambda _done: True, keep=False)
    with pytest.raises(Stop):
        run(places(digits_job(), {})[0].unit, workspace, Warm(None))
    assert workspace.saved is None


def test_the_seconds_of_a_unit_are_those_of_all_its_tries(tmp_path: Path) -> None:
    unit = places(digits_job(), {})[0].unit
    cut = MemoryWorkspace(tmp_path, stop=lambda _done: True)
    with pytest.raises(Stop):
        run(unit, cut, Warm(None))
    assert cut.saved is not None
    arrays = load(cut.saved)
    notes = json.loads(arrays["notes"].tobytes())
    assert notes["seconds"] > 0
    notes["seconds"] = 1000.0
    saved = save(arrays | {"notes": np.frombuffer(json.dumps(notes).encode(), dtype=np.uint8)})
    result = run(unit, MemoryWorkspace(tmp_path, saved=saved), Warm(None))
    assert result.seconds > 1000
