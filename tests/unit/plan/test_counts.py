from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fabricated import SIZES
from winnow.contract.counts import zeros_for
from winnow.contract.results import TensorCount
from winnow.contract.specs.pruning import Scope
from winnow.plan.counts import (
    Counts,
    grid_sparsity,
    in_rounds,
    level_counts,
    rate_for_levels,
    steps_at_rate,
    steps_by_layer,
)
from winnow.plan.densities import rates_to, steps_to

TENSORS = tuple(TensorCount(name=name, kind=kind, shape=(size,), zeros=0) for name, kind, size in SIZES)
PRUNABLE = sum(tensor.size for tensor in TENSORS)
rates = st.decimals("0.05", "0.95", places=3)
targets = st.decimals("0.001", "0.999", places=4)


def down(tensors, rate, steps, scope):
    """The counts at the end of a chain of levels."""
    for step in steps:
        counts = level_counts(tensors, rate, step.depth, step.cut, Scope(name=scope))
        before = sum(tensor.zeros for tensor in tensors)
        assert counts.total >= before, "masks only shrink"
        zeros = counts.by_tensor or (counts.total, *[0] * (len(tensors) - 1))
        tensors = tuple(t.model_copy(update={"zeros": z}) for t, z in zip(tensors, zeros, strict=True))
    return sum(tensor.zeros for tensor in tensors)


@given(rates, targets, st.sampled_from(["global", "layer", "erk"]))
def test_the_target_is_reached_exactly(rate, target, scope):
    assert down(TENSORS, rate, steps_at_rate(rate, target), scope) == zeros_for(target, PRUNABLE)


@given(rates, rates, targets)
def test_the_target_is_reached_exactly_where_rates_differ_by_layer(rate, output, target):
    by_layer = {"linear": rate, "output": output}
    assert down(TENSORS, by_layer, steps_by_layer(TENSORS, by_layer, target), "layer") == zeros_for(target, PRUNABLE)


@given(rates, targets, targets)
def test_a_deeper_target_shares_every_full_rate_level(rate, one, other):
    shallow, deep = sorted([one, other])
    full = [step for step in steps_at_rate(rate, shallow) if step.cut is None]
    assert full == list(steps_at_rate(rate, deep))[: len(full)]


densities = st.decimals("0.001", "1", places=3)


def towards(wanted, levels):
    """The zeros of each tensor at each level on the way to these densities."""
    shares = dict(zip([tensor.name for tensor in TENSORS], wanted, strict=True))
    scope, rates, tensors, found = Scope(name="densities", densities=shares), rates_to(shares, levels), TENSORS, []
    for step in steps_to(levels):
        counts = level_counts(tensors, rates, step.depth, step.cut, scope)
        assert counts.total == sum(counts.by_tensor)
        tensors = tuple(t.model_copy(update={"zeros": z}) for t, z in zip(tensors, counts.by_tensor, strict=True))
        found.append(counts.by_tensor)
    return found


@given(st.lists(densities, min_size=3, max_size=3), st.integers(1, 30))
def test_each_layer_ends_at_its_own_density_exactly_and_masks_only_grow(wanted, levels):
    found = towards(wanted, levels)
    assert found[-1] == tuple(zeros_for(1 - share, t.size) for share, t in zip(wanted, TENSORS, strict=True))
    for layer in zip(*found, strict=True):
        assert list(layer) == sorted(layer)


@given(st.lists(densities, min_size=3, max_size=3), st.integers(2, 30), st.data())
def test_on_the_way_to_densities_the_survivors_fall_exponentially(wanted, levels, data):
    depth = data.draw(st.integers(1, levels - 1))
    zeros = towards(wanted, levels)[depth - 1]
    for share, tensor, masked in zip(wanted, TENSORS, zeros, strict=True):
        assert abs(tensor.size - masked - float(share) ** (depth / levels) * tensor.size) <= 0.5 + 1e-6


def test_on_the_grid_nothing_is_cut():
    assert [step.cut for step in steps_at_rate(Decimal("0.5"), Decimal("0.75"))] == [None, None]
    assert [step.cut for step in steps_at_rate(Decimal("0.5"), Decimal("0.8"))] == [None, None, Decimal("0.8")]


@given(targets, st.integers(1, 40))
def test_a_number_of_levels_gives_that_many_levels(target, levels):
    rate = rate_for_levels(target, levels)
    assert len(steps_at_rate(rate, target)) == levels


def test_one_level_is_one_shot():
    assert rate_for_levels(Decimal("0.9"), 1) == Decimal("0.9")
    assert grid_sparsity(Decimal("0.9"), 1) == Fraction(9, 10)


def test_the_output_layer_is_pruned_at_its_own_rate():
    counts = level_counts(TENSORS, {"linear": Decimal("0.2"), "output": Decimal("0.1")}, 1, None, Scope(name="layer"))
    assert counts.by_tensor == (200, 66, 8)


@pytest.mark.parametrize("name", ["fc1.weight", "fc3.weight"])
def test_a_name_beats_a_kind(name):
    by_layer = {"linear": Decimal("0.2"), "output": Decimal("0.2"), name: Decimal("0.5")}
    counts = level_counts(TENSORS, by_layer, 1, None, Scope(name="layer"))
    index = [tensor.name for tensor in TENSORS].index(name)
    assert counts.by_tensor is not None
    assert abs(counts.by_tensor[index] - TENSORS[index].size / 2) <= 1


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 5000)), min_size=1, max_size=4),
    st.integers(1, 100),
    st.data(),
)
def test_rounds_only_mask_more_and_end_where_they_should(sizes, rounds, data):
    tensors = [(size, min(size, left)) for size, left in sizes]
    masked = sum(size - left for size, left in tensors)
    asked = Counts(data.draw(st.integers(masked, sum(size for size, _ in tensors))), None)
    totals = [counts.total for counts in in_rounds(asked, tensors, rounds)]
    assert len(totals) == rounds
    assert totals[-1] == asked.total
    assert [masked, *totals] == sorted([masked, *totals])


def test_rounds_fall_exponentially():
    """Tanaka et al. 2020, arXiv:2006.05467: density^(round ÷ rounds)."""
    left = [10_000 - counts.total for counts in in_rounds(Counts(9_900, None), [(10_000, 10_000)], 4)]
    assert left == [3162, 1000, 316, 100]


def test_rounds_keep_to_the_quotas_of_layers():
    rounds = in_rounds(Counts(150, (90, 60)), [(100, 100), (100, 50)], 2)
    assert list(rounds) == [Counts(123, (68, 55)), Counts(150, (90, 60))]


def tensor(*shape, zeros=0):
    return TensorCount(name=str(shape), kind="conv", shape=shape, zeros=zeros)


def test_erk_leaves_larger_layers_sparser():
    """Evci et al. 2020, arXiv:1911.11134: density in proportion to (n_in + n_out + kernel) ÷ their product."""
    wide, narrow = tensor(100, 50, 3, 3), tensor(20, 10, 3, 3)
    counts = level_counts([wide, narrow], Decimal("0.98"), 1, None, Scope(name="erk"))
    kept = [layer.size - zeros for layer, zeros in zip((wide, narrow), counts.by_tensor, strict=True)]
    assert sum(kept) == round(0.02 * (45_000 + 1_800))
    assert kept[0] / kept[1] == pytest.approx((100 + 50 + 6) / (20 + 10 + 6), rel=0.01)


def test_a_layer_that_erk_would_keep_more_of_than_it_has_stays_dense():
    wide, narrow = tensor(400, 300), tensor(4, 3)
    counts = level_counts([wide, narrow], Decimal("0.5"), 1, None, Scope(name="erk"))
    assert counts.by_tensor == (60_006, 0)


@given(st.integers(0, 12), st.decimals("0.51", "0.99", places=2))
def test_erk_never_revives(zeros, cut):
    small, large = tensor(4, 3, zeros=zeros), tensor(40, 30, zeros=600)
    counts = level_counts([small, large], Decimal("0.2"), 2, cut, Scope(name="erk"))
    assert counts.by_tensor[0] >= zeros
    assert counts.by_tensor[1] >= 600
    assert sum(counts.by_tensor) == counts.total


@pytest.mark.parametrize("scope", ["global", "layer", "erk"])
@pytest.mark.parametrize("cut", [None, Decimal("0.4")])
def test_a_level_revives_nothing_of_a_model_that_came_sparser_than_asked(scope, cut):
    sparse = [tensor.model_copy(update={"zeros": round(0.6 * tensor.size)}) for tensor in TENSORS]
    counts = level_counts(sparse, Decimal("0.4"), 1, cut, Scope(name=scope))
    assert counts.total == sum(tensor.zeros for tensor in sparse)
    assert counts.by_tensor in (None, tuple(tensor.zeros for tensor in sparse)) or scope == "erk"
