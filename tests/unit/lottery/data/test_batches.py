"""Batches: what a step sees depends on seed, replicate and step alone; an epoch sees every image once."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.uploads import pixels
from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.specs.training import Augment
from winnow.lottery.data import Batches, Part, augment, in_order, order, steps_per_epoch
from winnow.lottery.data.augment import augmented
from winnow.lottery.distributed.ranks import Share

PLAIN = Augment()
GREY = Preprocessing(channels=1, size=(5, 6), mean=(0.25,), std=(0.5,))


def _part(images: int, height: int = 5, width: int = 6) -> Part:
    x = pixels(images, height, width).transpose(0, 3, 1, 2)
    return Part(torch.from_numpy(np.ascontiguousarray(x)), torch.arange(images))


def _batches(
    images: int = 20, batch_size: int = 6, seed: int = 0, replicate: int = 0, augment: Augment = PLAIN
) -> Batches:
    return Batches(_part(images), GREY, batch_size=batch_size, seed=seed, replicate=replicate, augment=augment)


@given(images=st.integers(1, 50), batch_size=st.integers(1, 60), epoch=st.integers(0, 3))
def test_an_epoch_sees_every_image_once(images: int, batch_size: int, epoch: int) -> None:
    batches = _batches(images, batch_size)
    assert batches.steps_per_epoch == steps_per_epoch(images, batch_size)
    first = epoch * batches.steps_per_epoch
    seen = [batches.at(first + step)[1].tolist() for step in range(batches.steps_per_epoch)]
    assert sorted(label for labels in seen for label in labels) == list(range(images))
    assert [len(labels) for labels in seen[:-1]] == [batch_size] * (len(seen) - 1)
    assert [label for labels in seen for label in labels] == order(0, 0, epoch, images).tolist()


def test_a_batch_is_the_chosen_images_normalised() -> None:
    part = _part(20)
    x, y = _batches().at(1)
    assert (x.shape, x.dtype, y.dtype) == ((6, 1, 5, 6), torch.float32, torch.int64)
    torch.testing.assert_close(x, (part.x[y].float() / 255 - 0.25) / 0.5)


@given(steps=st.lists(st.integers(0, 30), min_size=1, max_size=8))
def test_a_step_sees_the_same_batch_whatever_came_before(steps: list[int]) -> None:
    """So arms and levels, which start at another step, and runs that were interrupted see the same batches."""
    crops = Augment(crop=1, flip=True)
    going = _batches(augment=crops)
    for step in steps:
        x, y = going.at(step)
        fresh_x, fresh_y = _batches(augment=crops).at(step)
        assert torch.equal(x, fresh_x)
        assert torch.equal(y, fresh_y)


def test_seed_replicate_and_epoch_each_give_another_order() -> None:
    orders = [order(0, 0, 0, 50), order(1, 0, 0, 50), order(0, 1, 0, 50), order(0, 0, 1, 50)]
    assert len({tuple(indices.tolist()) for indices in orders}) == 4


def test_global_random_state_neither_matters_nor_moves() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one = _batches(augment=Augment(crop=2, flip=True)).at(3)[0]
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(_batches(augment=Augment(crop=2, flip=True)).at(3)[0], one)


def test_a_last_batch_of_one_image_is_a_batch() -> None:
    assert _batches(images=7, batch_size=6).at(1)[0].shape == (1, 1, 5, 6)


def test_measuring_sees_the_images_as_they_lie() -> None:
    part = _part(20)
    batches = [(images.clone(), labels) for images, labels in in_order(part, GREY, 7)]
    x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert torch.equal(y, part.y)
    torch.testing.assert_close(x, (part.x.float() / 255 - 0.25) / 0.5)


@pytest.mark.parametrize("augment", [Augment(crop=2), Augment(flip=True), Augment(crop=2, flip=True)])
def test_each_image_is_a_window_of_itself_on_black_perhaps_mirrored(augment: Augment) -> None:
    x = _part(40).x
    made = augmented(x, augment, seed=5)
    assert (made.shape, made.dtype) == (x.shape, torch.uint8)
    places = set()
    for before, after in zip(x[:, 0].numpy(), made[:, 0].numpy(), strict=True):
        canvas = np.pad(before, augment.crop)
        windows = {
            (row, column, mirrored): canvas[row : row + 5, column : column + 6][:, :: -1 if mirrored else 1]
            for row in range(2 * augment.crop + 1)
            for column in range(2 * augment.crop + 1)
            for mirrored in ((False, True) if augment.flip else (False,))
        }
        found = [place for place, window in windows.items() if np.array_equal(window, after)]
        assert len(found) == 1
        places.add(found[0])
    assert {mirrored for _, _, mirrored in places} == ({False, True} if augment.flip else {False})
    rows, columns = ({place[axis] for place in places} for axis in (0, 1))
    assert rows == columns == set(range(2 * augment.crop + 1))


def test_windows_and_mirrors_are_drawn_evenly() -> None:
    marked = torch.zeros((4000, 1, 3, 3), dtype=torch.uint8)
    marked[:, :, 1, 1] = 255
    made = augmented(marked, Augment(crop=1), seed=0)
    assert (made.sum((0, 1)) / 255 - 4000 / 9).abs().max() < 100
    sided = torch.zeros((4000, 1, 1, 2), dtype=torch.uint8)
    sided[..., 0] = 1
    assert abs(int(augmented(sided, Augment(flip=True), seed=0)[..., 0].sum()) - 2000) < 150


def test_all_channels_of_an_image_move_together() -> None:
    x = _part(30).x.repeat(1, 3, 1, 1)
    made = augmented(x, Augment(crop=2, flip=True), seed=0)
    assert torch.equal(made[:, 0], made[:, 1])
    assert torch.equal(made[:, 0], made[:, 2])


def test_each_step_is_augmented_anew_and_the_data_set_is_left_alone() -> None:
    part = Part(_part(1).x.repeat(12, 1, 1, 1), torch.arange(12))
    before = part.x.clone()
    batches = Batches(part, GREY, batch_size=6, seed=0, replicate=0, augment=Augment(crop=2, flip=True))
    other = Batches(part, GREY, batch_size=6, seed=0, replicate=1, augment=Augment(crop=2, flip=True))
    seen = [drawn.at(step)[0].clone() for drawn, step in ((batches, 0), (batches, 1), (batches, 2), (other, 0))]
    assert len({x.numpy().tobytes() for x in seen}) == 4
    assert torch.equal(part.x, before)


def test_a_batch_can_be_changed_without_changing_the_data_set() -> None:
    part = _part(6)
    before = part.x.clone()
    Batches(part, GREY, batch_size=6, seed=0, replicate=0, augment=PLAIN).at(0)[0].zero_()
    assert torch.equal(part.x, before)


def test_places_of_a_share_are_sent_in_one_piece_as_only_then_nobody_waits_for_the_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[torch.Tensor] = []

    def sent(values: torch.Tensor, _device: torch.device) -> torch.Tensor:
        seen.append(values)
        return values

    monkeypatch.setattr(augment, "sent", sent)
    augmented(_part(4).x, Augment(crop=2), 5, Share(4, 8, 12))
    assert [(values.shape, values.is_contiguous()) for values in seen] == [((2, 4), True)]
