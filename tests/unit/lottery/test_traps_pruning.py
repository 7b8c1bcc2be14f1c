"""From the rate that is asked for to the masks that come out: traps 1, 19 and 21."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fabricated import fabricated
from tests.support.lottery import MemoryWorkspace, digits_job, random_masks, recipe, split, start
from winnow.contract.results import TensorCount, UnitResult
from winnow.contract.specs.pruning import Criterion, Scope
from winnow.lottery.fitting import fit
from winnow.lottery.pruning import prune
from winnow.lottery.scoring import Subject
from winnow.lottery.training import Training
from winnow.lottery.units.outcome import result
from winnow.plan import levels, places
from winnow.plan.counts import Counts, level_counts

SHAPES = {"fc1.weight": (10, 64), "fc2.weight": (30, 10), "fc3.weight": (3, 20)}
"""1,000 weights."""
TENSORS = tuple(TensorCount(name=name, kind="linear", shape=shape, zeros=0) for name, shape in SHAPES.items())
DRAWS = np.random.default_rng(0)
WEIGHTS = {
    "all different": {name: DRAWS.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()},
    "all equal": {name: np.full(shape, 0.5, np.float32) for name, shape in SHAPES.items()},
    "equal but for the sign": {
        name: DRAWS.choice([-0.5, 0.5], shape).astype(np.float32) for name, shape in SHAPES.items()
    },
    "all 0": {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()},
    "few magnitudes": {name: DRAWS.integers(-2, 3, shape).astype(np.float32) for name, shape in SHAPES.items()},
}


@given(st.integers(0, 2**32 - 1), st.integers(1, 999), st.sampled_from(sorted(WEIGHTS)))
def test_flipping_signs_changes_no_mask(seed: int, total: int, weights: str) -> None:
    """Trap 1: magnitude ranked by signed value, so that large negatives go first."""
    draws = np.random.default_rng(seed)
    flipped = {
        name: values * draws.choice(np.array([-1, 1], np.float32), values.shape)
        for name, values in WEIGHTS[weights].items()
    }
    dense = {name: np.ones(shape, np.bool_) for name, shape in SHAPES.items()}
    ours, theirs = (
        prune(Subject(recipe(), values, dense, split(), 1), Criterion(), Counts(total, None), lambda: None)
        for values in (WEIGHTS[weights], flipped)
    )
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("scope", ["global", "layer", "erk"])
def test_200_of_1000_asked_for_prunes_200(scope: str, weights: str) -> None:
    """Trap 19: one more than asked for, a tied layer gone, ties kept. And 160 of the 800 that are left after that."""
    masks = {name: np.ones(shape, np.bool_) for name, shape in SHAPES.items()}
    tensors = TENSORS
    for depth, asked in ((1, 200), (2, 360)):
        counts = level_counts(tensors, Decimal("0.2"), depth, None, Scope(name=scope))
        values = Subject(recipe(), WEIGHTS[weights], masks, split(), depth)
        before, masks = masks, prune(values, Criterion(), counts, lambda: None)
        assert sum(int((~mask).sum()) for mask in masks.values()) == asked
        assert not any((masks[name] & ~mask).any() for name, mask in before.items())
        zeros = [int((~mask).sum()) for mask in masks.values()]
        tensors = tuple(t.model_copy(update={"zeros": count}) for t, count in zip(tensors, zeros, strict=True))


def test_layers_of_one_size_lose_alike_when_all_is_tied_and_each_has_a_quota() -> None:
    """Trap 19: by position alone the first layer would lose everything; quotas keep to each layer's share."""
    counts = level_counts(TENSORS, Decimal("0.2"), 1, None, Scope(name="layer"))
    assert counts.by_tensor == (128, 60, 12)


@pytest.mark.parametrize("architecture", ["resnet20", "digits_cnn"])
def test_sparsity_is_told_over_each_set_by_its_name(architecture: str) -> None:
    """Trap 21: one word for shares of different sets. Prunable weights, all parameters, each tensor: three."""
    settings = recipe(architecture)
    masks = random_masks(settings)
    training = Training(settings, split(), start(settings), masks)
    found = result(training, fit(training, (), MemoryWorkspace()), masks, (), steps_before=0)

    parameters = dict(training.network.named_parameters())
    assert found.prunable == sum(parameters[name].numel() for name in masks)
    assert found.parameters == sum(parameter.numel() for parameter in parameters.values()) > found.prunable
    assert found.zeros == sum(int((~mask).sum()) for mask in masks.values())
    assert found.nonzeros == found.parameters - found.zeros
    assert {t.name: t.zeros for t in found.tensors} == {name: int((~mask).sum()) for name, mask in masks.items()}


def test_a_level_tells_its_sparsity_over_prunable_weights_and_over_all() -> None:
    """Trap 21, where users look."""
    job, results = digits_job(arms=["ticket"], target={"sparsity": 0.5}), dict[str, UnitResult]()
    for place in places(job, {}):
        results[place.unit.key] = fabricated(place.unit, results)
    row = levels(job, results)[-1]
    assert (row.zeros, row.prunable) == (705, 1410)
    assert (row.sparsity, row.density, row.sparsity_of_all) == (0.5, 0.5, 705 / 2000)
