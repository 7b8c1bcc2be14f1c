from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.lottery.selection import Masks, select, shuffled
from winnow.plan.counts import Counts

SHAPES = {"a": (3, 4), "b": (2, 2, 2), "c": (5,)}
SIZE = 25


def magnitude(weights: Masks) -> Masks:
    return {name: np.abs(values) for name, values in weights.items()}


def arrays(values: list[float]) -> dict[str, np.ndarray]:
    flat = np.array(values, dtype=np.float32)
    ends = np.cumsum([np.prod(shape) for shape in SHAPES.values()])
    parts = np.split(flat, ends[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(SHAPES.items(), parts, strict=True)}


def full() -> dict[str, np.ndarray]:
    return {name: np.ones(shape, dtype=np.bool_) for name, shape in SHAPES.items()}


def flat(masks: Masks) -> np.ndarray:
    return np.concatenate([mask.ravel() for mask in masks.values()])


# Few values, so that ties are everywhere; −0.0 among them.
TIED = st.lists(st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.0, 2.0]), min_size=SIZE, max_size=SIZE)
BITS = st.lists(st.booleans(), min_size=SIZE, max_size=SIZE)


@given(TIED, BITS, st.data())
def test_counts_are_exact_with_ties_zeros_and_parents(
    values: list[float], alive: list[bool], data: st.DataObject
) -> None:
    """Trap 19: the threshold element pruned too, tied layers vanish, ties kept. Trap 20: counted over another set."""
    parent = {name: part.astype(np.bool_) for name, part in arrays(alive).items()}
    total = data.draw(st.integers(SIZE - sum(alive), SIZE))

    masks = select(magnitude(arrays(values)), parent, Counts(total, None))

    assert (~flat(masks)).sum() == total
    assert not (flat(masks) & ~flat(parent)).any(), "pruned stays pruned"


@given(TIED, st.integers(0, SIZE))
def test_the_lowest_go_and_of_equal_ones_the_first(values: list[float], total: int) -> None:
    """Trap 24: scores mapped back to the wrong places."""
    masks = select(magnitude(arrays(values)), full(), Counts(total, None))

    gone = sorted(range(SIZE), key=lambda place: (abs(values[place]), place))[:total]
    assert np.flatnonzero(~flat(masks)).tolist() == sorted(gone)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_when_all_are_equal_position_decides(value: float) -> None:
    masks = select(magnitude(arrays([value] * SIZE)), full(), Counts(7, None))
    assert np.flatnonzero(~flat(masks)).tolist() == list(range(7))


def test_liveness_is_the_mask_never_the_value() -> None:
    """Trap 18: a live weight that is 0 counts as live; a masked one with a value stays masked."""
    parent = full()
    parent["a"][0, 0] = False
    scores = arrays([9.0] + [0.0] * (SIZE - 1))
    masks = select(scores, parent, Counts(2, None))
    assert np.flatnonzero(~flat(masks)).tolist() == [0, 1]


@given(TIED, st.tuples(st.integers(0, 12), st.integers(0, 8), st.integers(0, 5)))
def test_each_layer_meets_its_own_count(values: list[float], zeros: tuple[int, int, int]) -> None:
    masks = select(magnitude(arrays(values)), full(), Counts(sum(zeros), zeros))
    assert tuple(int((~mask).sum()) for mask in masks.values()) == zeros


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        select(arrays([float("nan")] * SIZE), full(), Counts(3, None))


@pytest.mark.parametrize("total", [0, SIZE + 1])
def test_counts_that_survivors_cannot_give_are_refused(total: int) -> None:
    parent = full()
    parent["c"][:] = False
    with pytest.raises(ValueError, match="cannot mask"):
        select(arrays([1.0] * SIZE), parent, Counts(total, None))


@given(BITS, st.integers(0, 2**64 - 1))
def test_a_shuffled_mask_differs_and_keeps_each_layers_count(bits: list[bool], seed: int) -> None:
    """Trap 9: a shuffle that changes nothing. Traps 10 and 11: densities that are not the ticket's."""
    masks = {name: part.astype(np.bool_) for name, part in arrays(bits).items()}

    moved = shuffled(masks, seed)

    assert all(moved[name].sum() == mask.sum() for name, mask in masks.items())
    movable = any(mask.any() and not mask.all() for mask in masks.values())
    assert np.array_equal(flat(moved), flat(masks)) != movable
    assert np.array_equal(flat(moved), flat(shuffled(masks, seed))), "the same seed, the same mask (trap 12)"


def test_a_shuffled_mask_spreads_over_the_whole_layer() -> None:
    """Each place is kept as often as the density says."""
    mask = {"a": np.arange(40) < 10}
    kept = sum(shuffled(mask, seed)["a"].astype(int) for seed in range(2000))
    assert np.abs(kept / 2000 - float(Fraction(10, 40))).max() < 0.05
