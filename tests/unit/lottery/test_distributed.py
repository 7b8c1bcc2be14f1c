"""Trap 23 and what leads to it: what several processes of one training have in common, and what one would have alone.

Three processes do all the cases of `tests.support.ranks`, once.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.ranks import COUNT, PRUNINGS, STEPS, found_by_all, gradients_of, training_for
from winnow.lottery.training import gradients

Found = list[dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def found(folder: Path) -> Found:
    return found_by_all(folder)


@pytest.mark.parametrize("place", range(len(STEPS)), ids=lambda place: f"{STEPS[place][:3]}")
@pytest.mark.usefixtures("found")
def test_in_float64_the_gradients_are_those_of_one_process_with_the_whole_batch(place: int, folder: Path) -> None:
    """To 1e-10, whatever the sizes of the shares, with the same images dropped, cropped and mirrored."""
    alone = training_for(STEPS[place], None)
    gradients(alone)
    wanted = gradients_of(alone)
    assert wanted
    for rank in range(COUNT):
        with np.load(folder / f"gradients-{rank}.npz") as saved:
            for name, values in wanted.items():
                assert values.dtype == np.float64
                assert np.abs(values).max() > 1e-6
                np.testing.assert_allclose(saved[f"{place}/{name}"], values, rtol=0, atol=1e-10)


def test_the_loss_is_that_of_the_whole_batch(found: Found) -> None:
    for place, case in enumerate(STEPS):
        alone = float(gradients(training_for(case, None)))
        assert {rank["losses"][place] for rank in found} == {found[0]["losses"][place]}
        assert found[0]["losses"][place] == pytest.approx(alone, abs=1e-10)


@pytest.mark.usefixtures("found")
def test_sums_are_added_in_the_order_of_the_ranks_and_have_the_same_bits_everywhere(folder: Path) -> None:
    saved = []
    for rank in range(COUNT):
        with np.load(folder / f"sums-{rank}.npz") as arrays:
            saved.append([arrays[name] for name in sorted(arrays, key=lambda name: int(name.removeprefix("arr_")))])
    for own, told in zip(range(3), range(3, 6), strict=True):
        first, second, third = (arrays[own] for arrays in saved)
        for arrays in saved:
            assert arrays[told].tobytes() == ((first + second) + third).tobytes()


@pytest.mark.parametrize("place", range(len(PRUNINGS)), ids=lambda place: f"{PRUNINGS[place]}")
def test_masks_are_the_same_in_all_processes(place: int, found: Found) -> None:
    """Trap 23: masks that differ between the processes of one training; so do weights and running statistics then."""
    assert len({rank["masks"][place] for rank in found}) == 1
    assert len({rank["networks"][place] for rank in found}) == 1
    assert found[0]["zeros"][place] > 0


def test_the_masks_are_not_all_the_same_anyway(found: Found) -> None:
    assert len(set(found[0]["masks"])) == len(PRUNINGS)


def test_a_process_with_one_other_weight_is_noticed_before_anybody_trains_on(found: Found) -> None:
    """Trap 23, made on purpose: the largest weight of a layer is 0 in the last process when magnitudes are ranked."""
    assert [rank["refused"] for rank in found] == ["The 3 processes have 2 different masks, not one."] * COUNT


def test_what_the_first_process_has_kept_is_told_to_all(found: Found) -> None:
    assert [rank["told"] for rank in found] == [[None, "", (bytes(range(256)) * 1000).hex()]] * COUNT
