from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import to_array
from safetensors.numpy import load

from tests.support.lottery import MemoryWorkspace, digits_job, do, do_all, inputs_of
from winnow.artifact.masks import read_masks
from winnow.artifact.ticket import read_ticket
from winnow.artifact.weights import read_weights
from winnow.contract.inputs import ControlInputs, LevelInputs, TrainInputs
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.state import read_state, under
from winnow.lottery.units import Warm, run
from winnow.lottery.workspace import Stop
from winnow.plan import Resolved, places


@dataclass(frozen=True)
class Family:
    """A job whose units are all done."""

    job: Resolved
    folder: Path
    results: dict[str, UnitResult]
    warm: Warm

    def unit(self, arm: str, level: int) -> Unit:
        return next(place.unit for place in places(self.job, self.results) if (place.arm, place.level) == (arm, level))

    def result(self, unit: Unit) -> UnitResult:
        return self.results[unit.key]

    def masks(self, unit: Unit) -> dict[str, np.ndarray]:
        return read_masks(self.folder / unit.key / "mask.safetensors")

    def weights(self, unit: Unit) -> dict[str, np.ndarray]:
        return read_weights(self.folder / unit.key / "weights.safetensors")

    def at_retraining_start(self, unit: Unit) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Network and optimizer before the first step of a unit: from the checkpoint of a stop at its first call."""
        workspace = MemoryWorkspace(self.folder / "nowhere", inputs_of(unit, self.folder), stop=lambda _done: True)
        with pytest.raises(Stop):
            run(unit, workspace, self.warm)
        assert workspace.saved is not None
        arrays = load(workspace.saved)
        return under("now/network", arrays), under("now/optimizer", arrays)


@pytest.fixture(scope="module", params=["digits_cnn", "resnet20"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder, warm = tmp_path_factory.mktemp(request.param), Warm(None)
    job = digits_job(model=request.param)
    return Family(job, folder, do_all(job, folder, warm), warm)


LEVELS = pytest.mark.parametrize("level", [1, 2])


FROM_K = pytest.mark.parametrize("arm", ["ticket", "random_mask"])


def test_every_check_of_every_unit_holds(family: Family) -> None:
    checks = [check for result in family.results.values() for check in result.checks]
    assert {check.name for check in checks} == {
        "masks_only_shrink",
        "zeros_as_asked",
        "masked_weights_zero",
        "state_at_k_restored",
        "optimizer_as_declared",
        "control_mask_differs",
        "control_counts_kept",
        "reinit_is_fresh",
    }
    assert all(check.ok and check.evidence for check in checks)


@LEVELS
@FROM_K
def test_retraining_starts_at_step_k(family: Family, arm: str, level: int) -> None:
    """Traps 3, 4, 6, 14: survivors bit-equal to step k in every round, all buffers too, the optimizer's state too."""
    unit = family.unit(arm, level)
    kept = read_state(family.folder / family.unit("dense", 0).key / "state-5.safetensors")
    masks = family.masks(unit)

    network, optimizer = family.at_retraining_start(unit)

    for name, array in kept.network.items():
        expected = np.where(masks[name], array, 0) if name in masks else array
        assert network[name].tobytes() == expected.tobytes(), name
    assert optimizer.keys() == kept.optimizer.keys()
    assert all(np.array_equal(optimizer[name], array) for name, array in kept.optimizer.items())
    assert any(array.any() for array in optimizer.values())


@LEVELS
def test_a_reinitialised_arm_starts_fresh_at_step_0(family: Family, level: int) -> None:
    unit = family.unit("random_reinit", level)
    network, optimizer = family.at_retraining_start(unit)
    kept = read_state(family.folder / family.unit("dense", 0).key / "state-5.safetensors")
    masks = family.masks(unit)
    other, _ = family.at_retraining_start(family.unit("random_reinit", 3 - level))
    assert not optimizer
    for name, mask in masks.items():
        assert not (network[name] == kept.network[name])[mask].any()
        shared = mask & family.masks(family.unit("random_reinit", 3 - level))[name]
        assert not (network[name] == other[name])[shared].any(), "each level draws its own"


def test_masks_shrink_and_count_exactly(family: Family) -> None:
    """40 % of the weights, then half of them: the last level is cut to land on the target."""
    one, two = family.masks(family.unit("ticket", 1)), family.masks(family.unit("ticket", 2))
    prunable = sum(mask.size for mask in one.values())
    assert sum(int((~mask).sum()) for mask in one.values()) == (2 * prunable * 2 + 5) // 10
    assert sum(int((~mask).sum()) for mask in two.values()) == (prunable + 1) // 2
    assert all((two[name] <= mask).all() for name, mask in one.items())


def test_saved_weights_are_sparse_as_they_lie_in_the_file(family: Family) -> None:
    """Trap 17: masks applied only on the way through the network."""
    for key in family.results:
        masks = read_masks(family.folder / key / "mask.safetensors")
        weights = read_weights(family.folder / key / "weights.safetensors")
        for name, mask in masks.items():
            assert not weights[name][~mask].view(np.int32).any()
            assert (weights[name][mask] != 0).mean() > 0.99


def test_the_packed_ticket_is_the_ticket(family: Family) -> None:
    """Trap 30: the artefact is the trained or the dense network, not the ticket."""
    for level in (1, 2):
        unit = family.unit("ticket", level)
        packed = read_ticket(family.folder / unit.key / "ticket.winnow")
        assert packed.header.provenance.unit == unit.key
        assert packed.header.provenance.level == level
        for name, mask in family.masks(unit).items():
            assert np.array_equal(packed.masks[name], mask)
        weights = family.weights(unit)
        assert all(np.array_equal(packed.weights[name], array) for name, array in weights.items())
        held = onnx.load(family.folder / unit.key / "model.onnx").graph
        assert held.initializer
        assert all(np.array_equal(to_array(tensor), weights[tensor.name]) for tensor in held.initializer)


@LEVELS
def test_controls_keep_the_tickets_density_in_every_layer(family: Family, level: int) -> None:
    """Traps 9, 10 and 11: a shuffle that moves nothing, small layers wiped out, controls that never run."""
    ticket = family.masks(family.unit("ticket", level))
    shuffled = family.masks(family.unit("random_mask", level))
    reinit = family.masks(family.unit("random_reinit", level))
    assert all(np.array_equal(reinit[name], mask) for name, mask in ticket.items())
    assert {name: mask.sum() for name, mask in shuffled.items()} == {name: mask.sum() for name, mask in ticket.items()}
    assert any((shuffled[name] != mask).any() for name, mask in ticket.items())


def test_budgets_are_equal_and_reported(family: Family) -> None:
    for place in places(family.job, family.results):
        result = family.result(place.unit)
        first = 0 if place.arm in ("dense", "random_reinit") else 5
        assert (result.start_step, result.end_step, result.total_steps) == (first, 12, 12)


def test_results_name_their_files_and_say_what_they_hold(family: Family) -> None:
    model = {"weights.safetensors", "mask.safetensors", "ticket.winnow", "model.onnx"}
    wanted: dict[type, set[str]] = {
        TrainInputs: model | {"state-5.safetensors", "graph.onnx"},
        LevelInputs: model,
        ControlInputs: {"weights.safetensors", "mask.safetensors"},
    }
    for place in places(family.job, family.results):
        result = family.result(place.unit)
        assert result.files.keys() == wanted[type(place.unit.inputs)]
        for name, ref in result.files.items():
            assert (family.folder / place.unit.key / name).stat().st_size == ref.bytes
        assert result.prunable == sum(mask.size for mask in family.masks(place.unit).values())
        assert result.zeros == sum(int((~mask).sum()) for mask in family.masks(place.unit).values())
        assert result.parameters == sum(
            array.size for name, array in family.weights(place.unit).items() if "running" not in name and array.ndim
        )
        assert UnitResult.model_validate_json(result.model_dump_json()) == result


def changed(family: Family, arm: str, **retrain: Any) -> UnitResult:
    unit = family.unit(arm, 1)
    retraining = unit.inputs.retrain.model_copy(update=retrain)  # type: ignore[union-attr]  # no dense arm comes here
    inputs = unit.inputs.model_copy(update={"retrain": retraining})
    return do(Unit(inputs=inputs, dataset=unit.dataset, cost=1), family.folder, family.warm)


@FROM_K
def test_a_fresh_optimizer_is_fresh(family: Family, arm: str) -> None:
    result = changed(family, arm, optimizer="fresh")
    found = next(check for check in result.checks if check.name == "optimizer_as_declared")
    assert found.ok
    assert found.evidence.startswith("fresh: 0 tensors")
    assert result.files["weights.safetensors"] != family.result(family.unit(arm, 1)).files["weights.safetensors"]


@FROM_K
def test_a_restarted_schedule_trains_all_steps_and_says_so(family: Family, arm: str) -> None:
    result = changed(family, arm, lr="restart")
    assert (result.start_step, result.end_step, result.total_steps) == (0, 12, 17)
    assert [point.step for point in result.curve] == [12]
