from pathlib import Path

import pytest

from tests.support.lottery import digits_job, do_all
from winnow.artifact.weights import read_weights
from winnow.lottery.units import Warm
from winnow.plan import places


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
