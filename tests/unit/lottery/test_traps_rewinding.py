"""What everything goes back to stays what it was: trap 5 over several rounds, in memory and as it lies on disk."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.lottery import MOMENTUM, digits_job, do, random_masks, recipe, split, start
from winnow.artifact.digest import file_ref
from winnow.contract.results import UnitResult
from winnow.lottery.state import State, network_arrays
from winnow.lottery.training import Training, take_step, train
from winnow.lottery.units import Warm
from winnow.lottery.units.evidence import digest
from winnow.plan import places

ROUNDS = 4


@pytest.mark.parametrize("architecture", ["digits_cnn", "resnet20"])
def test_four_rounds_of_training_leave_the_state_at_k_alone(architecture: str) -> None:
    """Traps 5 and 4: a snapshot that shares memory with what is trained, or a second round that starts elsewhere."""
    settings = recipe(architecture, optimizer=MOMENTUM)
    training = Training(settings, split(), start(settings), {})
    for _ in range(3):
        take_step(training)
    kept: State = training.state()
    before = digest(kept.network), digest(kept.optimizer)
    train(training, ())
    assert (digest(kept.network), digest(kept.optimizer)) == before, "the training it was taken from goes on"
    for number in range(ROUNDS):
        masks = random_masks(settings, density=0.8 ** (number + 1), seed=number)
        again = Training(settings, split(), kept, masks)
        expected = {n: np.where(masks[n], a, 0) if n in masks else a for n, a in kept.network.items()}
        assert digest(network_arrays(again.network)) == digest(expected)
        train(again, ())
        assert digest(network_arrays(again.network)) != digest(expected)
        assert (digest(kept.network), digest(kept.optimizer)) == before


def test_four_levels_of_a_job_leave_the_kept_state_on_disk_alone(tmp_path: Path) -> None:
    """Traps 3, 4 and 5: each level starts at step k, and the audit of each says the same SHA-256 for the same mask."""
    train_settings = {"steps": 6, "optimizer": {"name": "sgd", "lr": 0.05}}
    method = {"schedule": {"name": "iterative", "levels": ROUNDS}, "rewind": {"step": 2}}
    job = digits_job(train=train_settings, method=method, arms=["ticket"], target={"sparsity": 0.7})
    dense, *chain = (place.unit for place in places(job, {}))
    results: dict[str, UnitResult] = {dense.key: do(dense, tmp_path, Warm(None))}
    state = tmp_path / dense.key / "state-2.safetensors"
    before = file_ref(state)
    for unit in chain:
        results[unit.key] = do(unit, tmp_path, Warm(None))
        assert file_ref(state) == before
    assert len(chain) == ROUNDS
    restored = [check for unit in chain for check in results[unit.key].checks if check.name == "state_at_k_restored"]
    assert [check.ok for check in restored] == [True] * ROUNDS
