"""N of M: in each group exactly N weights are kept, whatever is selected by and whatever is shuffled."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.lottery import digits_job, do_all
from tests.support.subjects import subject
from winnow.artifact.masks import read_masks
from winnow.artifact.weights import read_weights
from winnow.contract.specs.pruning import Criterion
from winnow.lottery.pieces.groups import Groups
from winnow.lottery.pruning import prune
from winnow.lottery.units import Warm
from winnow.plan import places
from winnow.plan.counts import Counts

RATIOS = st.integers(2, 6).flatmap(lambda of: st.tuples(st.integers(1, of - 1), st.just(of)))
NOTHING = Counts(0, None)  # what is asked follows from the groups


def drawn(of: int, seed: int) -> dict[str, np.ndarray]:
    """A linear layer, a convolution, and one whose inputs are no whole groups; few values, so that there are ties."""
    shapes = {"fc": (3, 2 * of), "conv": (2, of, 3, 2), "odd": (4, of + 1)}
    random = np.random.default_rng(seed)
    return {name: random.integers(-2, 3, shape).astype(np.float32) for name, shape in shapes.items()}


def full(scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.ones_like(values, dtype=np.bool_) for name, values in scores.items()}


def selected(ratio: tuple[int, int], scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    (once,) = Groups(*ratio).rounds(NOTHING, full(scores), 1)
    return once(scores, full(scores))


@given(RATIOS, st.integers(0, 1000))
def test_of_each_group_the_highest_are_kept_and_of_equal_ones_the_last(ratio: tuple[int, int], seed: int) -> None:
    keep, of = ratio
    scores = drawn(of, seed)
    masks = selected(ratio, scores)
    for output, start in np.ndindex(3, 2):
        group = slice(start * of, (start + 1) * of)
        kept = sorted(range(of), key=lambda i: (scores["fc"][output, group][i], i))[of - keep :]
        assert np.flatnonzero(masks["fc"][output, group]).tolist() == sorted(kept)
    for output, row, column in np.ndindex(2, 3, 2):
        inputs = scores["conv"][output, :, row, column]
        kept = sorted(range(of), key=lambda i: (inputs[i], i))[of - keep :]
        assert np.flatnonzero(masks["conv"][output, :, row, column]).tolist() == sorted(kept)
    assert masks["odd"].all()


@given(st.integers(0, 1000))
def test_the_rows_of_a_convolution_in_channels_last_are_2_to_4_as_sparse_kernels_take_them(seed: int) -> None:
    mask = torch.from_numpy(selected((2, 4), drawn(4, seed))["conv"])
    rows = mask.permute(0, 2, 3, 1).flatten(1)
    assert (rows.unflatten(1, (-1, 4)).sum(2) == 2).all()


@given(RATIOS, st.integers(0, 1000))
def test_what_was_masked_stays_masked(ratio: tuple[int, int], seed: int) -> None:
    scores = drawn(ratio[1], seed)
    parent = {name: np.random.default_rng(seed + 1).random(mask.shape) < 0.7 for name, mask in full(scores).items()}
    (once,) = Groups(*ratio).rounds(NOTHING, parent, 1)
    assert all((mask <= parent[name]).all() for name, mask in once(scores, parent).items())


@given(RATIOS, st.integers(0, 1000), st.integers(0, 5))
def test_the_random_control_is_another_mask_of_whole_groups(ratio: tuple[int, int], seed: int, draw: int) -> None:
    """Trap 9: shuffled weight by weight it would be another kind of sparsity, not another ticket of this kind."""
    groups, ticket = Groups(*ratio), selected(ratio, drawn(ratio[1], seed))
    shuffled, again = groups.shuffled(ticket, draw), groups.shuffled(ticket, draw)
    assert all(check.ok for check in groups.whole(shuffled))
    assert any((shuffled[name] != mask).any() for name, mask in ticket.items())
    assert all((shuffled[name] == mask).all() for name, mask in again.items())


def test_every_place_of_a_group_is_as_likely() -> None:
    shape = {"fc": (1000, 4)}
    ticket = selected((1, 4), {"fc": np.tile(np.arange(4, dtype=np.float32), (1000, 1))})
    kept = Groups(1, 4).shuffled(ticket, 0)["fc"].sum(0)
    assert kept.sum() == shape["fc"][0]
    assert all(abs(count - 250) < 5 * 14 for count in kept)  # five standard deviations


def test_a_torn_group_fails_the_audit() -> None:
    masks = selected((2, 4), drawn(4, 0))
    masks["conv"][0, :, 0, 0] = [True, False, False, False]
    (check,) = Groups(2, 4).whole(masks)
    assert not check.ok
    assert check.evidence == "2 of 4 kept in 17 of 18 groups; not pruned, as 4 does not divide their inputs: odd"


def test_a_criterion_in_rounds_takes_one_weight_of_each_group_a_round() -> None:
    it, beats = subject(), []
    masks = prune(it, Criterion(name="synflow"), NOTHING, lambda: beats.append(None), Groups(1, 4))
    assert all(check.ok for check in Groups(1, 4).whole(masks))
    assert len(beats) == 2


def test_a_job_leaves_two_of_four_in_every_arm_and_says_what_it_could_not_prune(tmp_path: Path) -> None:
    job = digits_job(target=None, method={"granularity": "2:4"}, arms=["random_reinit", "random_mask", "reversed_mask"])
    results = do_all(job, tmp_path, Warm(None))
    assert all(check.ok for result in results.values() for check in result.checks)
    (dense, *arms) = places(job, results)
    assert {place.arm for place in arms} == {"ticket", "random_reinit", "random_mask", "reversed_mask"}
    for place in arms:
        zeros = {tensor.name: tensor.zeros / tensor.size for tensor in results[place.unit.key].tensors}
        assert zeros == {"conv1.weight": 0, "conv2.weight": 0.5, "fc1.weight": 0.5, "fc2.weight": 0.5}
        if place.arm != "random_reinit":
            (check,) = (found for found in results[place.unit.key].checks if found.name == "groups_whole")
            assert check.evidence.endswith("not pruned, as 4 does not divide their inputs: conv1.weight")
    masks = {place.arm: read_masks(tmp_path / place.unit.key / "mask.safetensors")["fc1.weight"] for place in arms}
    trained = np.abs(read_weights(tmp_path / dense.unit.key / "weights.safetensors")["fc1.weight"]).reshape(-1, 4)
    smallest = np.sort(trained, axis=1)[:, :2].sum()
    assert trained[masks["reversed_mask"].reshape(-1, 4)].sum() == pytest.approx(smallest)
    assert trained[masks["ticket"].reshape(-1, 4)].sum() == pytest.approx(trained.sum() - smallest)
