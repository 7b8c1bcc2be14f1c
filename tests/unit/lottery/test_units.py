from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import to_array
from safetensors.numpy import load

from tests.support.lottery import MOMENTUM, MemoryWorkspace, digits_job, do, do_all, inputs_of, recipe
from winnow.artifact.masks import read_masks
from winnow.artifact.ticket import read_ticket
from winnow.artifact.weights import read_weights
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import DatasetFacts
from winnow.contract.inputs import ControlInputs, LevelInputs, TrainInputs
from winnow.contract.problems import Reason
from winnow.contract.recipes import Milestones, Retrain
from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.lottery.export import graph
from winnow.lottery.lr_schedules import learning_rate
from winnow.lottery.state import read_state, under
from winnow.lottery.units import Warm, run
from winnow.lottery.units.rewinding import retraining_recipe
from winnow.lottery.workspace import Stop, UnitFailed
from winnow.plan import Resolved, places, resolve


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


@pytest.mark.parametrize("seed", [0, 5])
def test_the_same_units_give_the_same_bytes_whatever_was_warm(tmp_path: Path, seed: int) -> None:
    """Trap 12, seed 0 included: nothing is left over from other units, nothing comes from the clock."""
    job, used, files = digits_job(seed=seed, target={"sparsity": 0.4}), Warm(None), []
    do_all(digits_job(seed=3, model="lenet_300_100", target={"sparsity": 0.4}), tmp_path, used)
    for attempt, warm in (("one", used), ("two", Warm(None))):
        (tmp_path / attempt).mkdir()
        results = do_all(job, tmp_path / attempt, warm)
        files.append({key: result.files for key, result in results.items()})
    assert files[0] == files[1]


def test_two_threads_give_the_same_bytes_every_time(tmp_path: Path) -> None:
    unit = places(digits_job(threads=2), {})[0].unit
    found = []
    for attempt in ("one", "two"):
        (tmp_path / attempt).mkdir()
        found.append(do(unit, tmp_path / attempt, Warm(None)).files)
    assert found[0] == found[1]


def test_other_seeds_and_replicates_give_other_networks(tmp_path: Path) -> None:
    seen = set()
    for seed in (0, 1):
        job = digits_job(seed=seed, replicates=2, target={"sparsity": 0.4})
        for place in places(job, {}):
            if place.arm == "dense":
                seen.add(do(place.unit, tmp_path, Warm(None)).files["weights.safetensors"].sha256)
    assert len(seen) == 4


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
    job = digits_job(model={"name": "digits_cnn", "dropout": 0.5}, train=train)
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


def test_rates_by_layer_prune_each_layer_at_its_own(tmp_path: Path) -> None:
    job = digits_job(
        method={
            "scope": "layer",
            "schedule": {"name": "iterative", "rate": {"conv": 0.1, "linear": 0.4, "output": 0.2}},
        },
        target={"sparsity": 0.5},
        arms=["ticket"],
    )
    results = do_all(job, tmp_path, Warm(None))
    one = results[next(place.unit.key for place in places(job, results) if place.level == 1)]
    found = {tensor.name: tensor.zeros / tensor.size for tensor in one.tensors}
    assert found == {
        "conv1.weight": pytest.approx(0.1, abs=0.005),
        "conv2.weight": pytest.approx(0.1, abs=0.001),
        "fc1.weight": pytest.approx(0.4, abs=0.0001),
        "fc2.weight": pytest.approx(0.2, abs=0.001),
    }


def test_densities_by_layer_leave_each_layer_its_own(tmp_path: Path) -> None:
    """And the random mask keeps them."""
    method = {"scope": {"conv": 1, "linear": 0.1, "output": 0.5}, "schedule": {"name": "iterative", "levels": 2}}
    job = digits_job(target=None, method=method, arms=["ticket", "random_mask"])
    results = do_all(job, tmp_path, Warm(None))
    for place in places(job, results):
        if place.level == 2:
            kept = {tensor.name: tensor.size - tensor.zeros for tensor in results[place.unit.key].tensors}
            assert kept == {"conv1.weight": 144, "conv2.weight": 4608, "fc1.weight": 6554, "fc2.weight": 640}
    assert all(check.ok for result in results.values() for check in result.checks)


@pytest.mark.parametrize("scope", ["global", "layer", "erk"])
def test_an_excluded_layer_is_never_pruned_and_never_counted(tmp_path: Path, scope: str) -> None:
    """Trap 20: the amount counted over all layers, but taken only from those that are not ignored."""
    job = digits_job(method={"scope": {"name": scope, "exclude": ["output", "conv1.weight"]}}, target={"sparsity": 0.5})
    results = do_all(job, tmp_path, Warm(None))
    (last,) = {place.unit.key for place in places(job, results) if place.arm == "ticket" and place.level == 4}
    tensors = results[last].tensors
    assert [tensor.name for tensor in tensors] == ["conv2.weight", "fc1.weight"]
    assert sum(tensor.zeros for tensor in tensors) == round(0.5 * sum(tensor.size for tensor in tensors))
    weights = read_weights(tmp_path / last / "weights.safetensors")
    assert weights["conv1.weight"].all()
    assert all(check.ok for result in results.values() for check in result.checks)
    dense = results[places(job, {})[0].unit.key]
    assert results[last].macs_dense == dense.macs_dense == dense.macs_effective, "what is not pruned costs, too"


def test_a_layer_with_nothing_left_is_flagged(tmp_path: Path) -> None:
    """Trap 26: a whole layer removed while the global count is right."""
    job = digits_job(method={"schedule": "one_shot"}, target={"sparsity": 0.9999}, arms=["ticket"], train={"steps": 3})
    results = list(do_all(job, tmp_path, Warm(None)).values())
    evidence = next(check.evidence for check in results[1].checks if check.name == "zeros_as_asked")
    gone = [tensor.name for tensor in results[1].tensors if tensor.zeros == tensor.size]
    assert gone
    assert all(name in evidence for name in gone)


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


def test_a_stop_reaches_the_caller(tmp_path: Path) -> None:
    workspace = MemoryWorkspace(tmp_path, stop=lambda _done: True, keep=False)
    with pytest.raises(Stop):
        run(places(digits_job(), {})[0].unit, workspace, Warm(None))
    assert workspace.saved is None


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
