"""Gradual pruning: masks grow while it trains, and a stop anywhere on the way changes nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.lottery import MemoryWorkspace, after, digits_job, do_all, inputs_of
from winnow.artifact.masks import read_masks
from winnow.artifact.weights import read_weights
from winnow.contract.counts import zeros_for
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.units import Stop, Warm, run
from winnow.plan import Resolved, places

STEPS = 60  # an epoch of digits has 22


def gradual_job(arms: tuple[str, ...] = (), **method: Any) -> Resolved:
    """From step 5 on pruned every 9 steps until step 50."""
    schedule = {"name": "gradual", "end": {"step": 50}, "every": {"steps": 9}}
    train = {"steps": STEPS, "optimizer": {"name": "sgd", "lr": 0.05}}
    target = None if isinstance(method.get("scope"), dict) else {"sparsity": 0.5}
    method = {"schedule": schedule, "rewind": {"step": 5}} | method
    return digits_job(train=train, target=target, method=method, arms=arms)


def ticket(job: Resolved) -> Unit:
    return next(place.unit for place in places(job, {}) if place.arm == "ticket")


def done(job: Resolved, folder: Path) -> tuple[Unit, UnitResult]:
    unit = ticket(job)
    return unit, do_all(job, folder, Warm(None))[unit.key]


def check(result: UnitResult, name: str) -> str:
    (found,) = (each for each in result.checks if each.name == name)
    assert found.ok
    return found.evidence


def test_it_masks_more_at_each_step_of_the_ramp_and_trains_on(tmp_path: Path) -> None:
    unit, result = done(gradual_job(), tmp_path)
    assert {each.name for each in result.checks} == {
        "state_at_k_restored",
        "optimizer_as_declared",
        "masks_only_shrink",
        "pruned_on_the_way",
        "masked_weights_zero",
    }
    target = zeros_for(unit.inputs.rates, result.prunable)  # type: ignore[union-attr, arg-type]  # a level at one rate
    assert result.zeros == target
    assert (
        check(result, "pruned_on_the_way") == f"5 prunings up to step 50; at the last asked {target}, masked {target}"
    )
    assert (result.start_step, result.end_step, result.total_steps) == (5, STEPS, STEPS)
    seen = {point.step: point.values["zeros"] for point in result.curve}
    assert list(seen) == [22, 44, 60]
    assert seen[22] == zeros_for(unit.inputs.rates * 61 / 125, result.prunable)  # type: ignore[union-attr, operator]
    assert seen[22] < seen[44] < seen[60] == target
    assert result.metrics.best_step == STEPS, "what was measured under other masks does not count"
    masks = read_masks(tmp_path / unit.key / "mask.safetensors")
    weights = read_weights(tmp_path / unit.key / "weights.safetensors")
    assert all(not weights[name][~mask].view(np.int32).any() for name, mask in masks.items())
    assert check(result, "masked_weights_zero").startswith(f"of {target} masked weights {target} are +0.0")


def test_stopped_on_the_way_it_ends_in_the_same_bytes(tmp_path: Path) -> None:
    """Trap 29: a resume that drops the mask. Synflow, in its hundred rounds, is stopped inside each pruning too."""
    job = gradual_job(criterion="synflow")
    unit, whole = done(job, tmp_path)
    workspace = MemoryWorkspace(tmp_path / "0", inputs_of(unit, tmp_path))
    (tmp_path / "0").mkdir()
    run(unit, workspace, Warm(None))
    steps = [seen[0] for seen in workspace.seen]
    assert steps == sorted(steps)
    calls = len(workspace.seen)
    assert calls > 5 * 99
    for call in (119, 416):
        outputs, again = tmp_path / f"cut-{call}", tmp_path / f"resumed-{call}"
        outputs.mkdir()
        again.mkdir()
        cut = MemoryWorkspace(outputs, inputs_of(unit, tmp_path), stop=after(call))
        with pytest.raises(Stop):
            run(unit, cut, Warm(None))
        resumed = run(unit, MemoryWorkspace(again, inputs_of(unit, tmp_path), saved=cut.saved), Warm(None))
        assert resumed.files == whole.files
        assert resumed.model_dump(exclude={"seconds"}) == whole.model_dump(exclude={"seconds"})


@pytest.mark.parametrize(
    "method",
    [
        {"scope": "erk", "criterion": "taylor"},
        {"scope": {"conv": 0.5, "linear": 0.1, "output": 1}},
        {"granularity": "channels"},
        {"retraining": "lr_rewind", "rewind": {"epoch": 0}, "schedule": {"name": "gradual", "end": {"epoch": 2}}},
    ],
    ids=str,
)
def test_it_goes_with_every_scope_and_way_of_retraining(tmp_path: Path, method: dict[str, Any]) -> None:
    _, result = done(gradual_job(**method), tmp_path)
    assert all(each.ok for each in result.checks)


def test_the_controls_train_as_long_under_the_final_mask(tmp_path: Path) -> None:
    job = gradual_job(arms=("random_mask", "random_reinit"))
    results = do_all(job, tmp_path, Warm(None))
    assert all(each.ok for result in results.values() for each in result.checks)
    assert {result.total_steps for result in results.values()} == {STEPS}
    (ticket_counts,) = {results[place.unit.key].tensors for place in places(job, results) if place.arm == "ticket"}
    assert all(results[place.unit.key].tensors == ticket_counts for place in places(job, results) if place.level == 1)
