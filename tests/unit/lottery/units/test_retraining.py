from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.lottery import MOMENTUM, digits_job, do_all, recipe
from winnow.artifact.masks import read_masks
from winnow.artifact.weights import read_weights
from winnow.contract.recipes import Milestones, Retrain
from winnow.contract.results import UnitResult
from winnow.lottery.lr_schedules import learning_rate
from winnow.lottery.units import Warm
from winnow.lottery.units.rewinding import retraining_recipe
from winnow.plan import Resolved, places


def retrained(tmp_path: Path, **changes: Any) -> tuple[Resolved, dict[str, UnitResult]]:
    """Two levels of 6 steps whose rate drops at step 4."""
    train = {"steps": 6, "optimizer": {"name": "sgd", "lr": 0.08}, "lr_schedule": {"name": "step", "steps": [4]}}
    method = {"schedule": {"name": "iterative", "rate": 0.4}, **changes}
    job = digits_job(method=method, train=train)
    return job, do_all(job, tmp_path, Warm(None))


@pytest.mark.parametrize("retraining", ["lr_rewind", "fine_tune"])
def test_retraining_may_go_on_from_trained_weights(tmp_path: Path, retraining: str) -> None:
    """Renda et al. 2020, arXiv:2003.02389: nothing is rewound but, with `lr_rewind`, the schedule."""
    job, results = retrained(tmp_path, retraining=retraining)
    chain = {place.level: place.unit for place in places(job, results) if place.arm in ("dense", "ticket")}
    for level in (1, 2):
        result = results[chain[level].key]
        assert (result.start_step, result.end_step, result.total_steps) == (0, 6, 6 * (level + 1))
        assert all(check.ok for check in result.checks)
    assert all(check.ok for result in results.values() for check in result.checks)


def test_fine_tuning_stays_at_the_last_rate() -> None:
    recipe_of = recipe(steps=6, optimizer=MOMENTUM, lr_schedule=Milestones(steps=(4,), factor=Decimal("0.1")))
    tuned = retraining_recipe(recipe_of, Retrain(weights="trained", step=0, optimizer="fresh", lr="last"))
    again = retraining_recipe(recipe_of, Retrain(weights="trained", step=0, optimizer="fresh", lr="restart"))
    assert {learning_rate(tuned, step) for step in range(6)} == {learning_rate(recipe_of, 5)}
    assert again == recipe_of


def test_a_reversed_mask_keeps_the_smallest_weights_of_each_layer(tmp_path: Path) -> None:
    """Zhou et al. 2019, arXiv:1905.01067: from the ticket's start, with the ticket's count in each layer."""
    job = digits_job(arms=["reversed_mask"], target={"sparsity": 0.4})
    results = do_all(job, tmp_path, Warm(None))
    by_arm = {place.arm: place.unit.key for place in places(job, results)}
    ticket = read_masks(tmp_path / by_arm["ticket"] / "mask.safetensors")
    trained = read_weights(tmp_path / by_arm["dense"] / "weights.safetensors")
    for name, mask in read_masks(tmp_path / by_arm["reversed_mask"] / "mask.safetensors").items():
        assert mask.sum() == ticket[name].sum()
        assert np.abs(trained[name][mask]).max() <= np.abs(trained[name][~mask]).min()
    assert results[by_arm["reversed_mask"]].total_steps == 12


def test_a_fine_tuned_arm_trains_the_trained_weights_on_under_the_tickets_mask(tmp_path: Path) -> None:
    job = digits_job(arms=["fine_tuned"], target={"sparsity": 0.4})
    results = do_all(job, tmp_path, Warm(None))
    by_arm = {place.arm: place.unit.key for place in places(job, results)}
    tuned = results[by_arm["fine_tuned"]]
    assert (tuned.start_step, tuned.end_step, tuned.total_steps) == (0, 12, 24)
    masks = [read_masks(tmp_path / by_arm[arm] / "mask.safetensors") for arm in ("fine_tuned", "ticket")]
    assert all(np.array_equal(masks[0][name], mask) for name, mask in masks[1].items())
