"""What is measured beside accuracy and loss: held against the definition, image by image."""

import math
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.support.lottery import MemoryWorkspace, random_masks, recipe, split, start
from winnow.artifact.preprocessing import Preprocessing
from winnow.lottery.answers import BINS, TOP, Answers, calibration_error, ranks
from winnow.lottery.data.images import Part
from winnow.lottery.evaluation import _images_at_once, full_score, score
from winnow.lottery.fitting import fit
from winnow.lottery.training import Training

SUPERCLASSES = (0, 0, 1, 1, 2, 2, 2)

# Few values, so that logits tie.
LOGITS = st.lists(st.lists(st.integers(-3, 3), min_size=7, max_size=7), min_size=7, max_size=40)


def taken(logits: Tensor, labels: Tensor, batch: int) -> Answers:
    answers = Answers()
    for part in zip(logits.split(batch), labels.split(batch), strict=True):
        answers.take(*part)
    return answers


@given(LOGITS, st.integers(0, 6), st.integers(1, 6))
def test_counts_are_those_of_a_plain_loop_for_any_batch_size(rows: list[list[int]], label: int, batch: int) -> None:
    """Trap 27: shares of the last, smaller batch. Also where logits tie, which the class of lower index wins."""
    labels = [(label + place) % 7 for place in range(len(rows))]
    found = taken(torch.tensor(rows, dtype=torch.float32), torch.tensor(labels), batch).counts(SUPERCLASSES)

    top5 = coarse = 0
    right = [0] * 7
    for logits, own in zip(rows, labels, strict=True):
        order = sorted(range(7), key=lambda index, logits=logits: (-logits[index], index))
        top5 += own in order[:5]
        coarse += SUPERCLASSES[order[0]] == SUPERCLASSES[own]
        right[own] += order[0] == own
    assert found.correct_top5 == top5
    assert found.correct_coarse == coarse
    assert found.correct_by_class == tuple(right)
    assert found.images_by_class == tuple(labels.count(index) for index in range(7))


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=60))
def test_calibration_error_is_each_bins_gap_by_its_share(images: list[tuple[int, bool]]) -> None:
    """Guo et al. 2017, equation 3, in fractions: sixtieths hit every edge, which belongs to the bin below."""
    confidence = np.array([place / 60 for place, _ in images])
    right = np.array([hit for _, hit in images])
    expected = Fraction(0)
    for number in range(BINS):
        inside = [
            (Fraction(place, 60), hit)
            for place, hit in images
            if Fraction(number, BINS) < Fraction(place, 60) <= Fraction(number + 1, BINS) or (number == place == 0)
        ]
        if inside:
            accuracy = Fraction(sum(hit for _, hit in inside), len(inside))
            mean = sum((share for share, _ in inside), Fraction(0)) / len(inside)
            expected += Fraction(len(inside), len(images)) * abs(accuracy - mean)
    assert calibration_error(confidence, right) == pytest.approx(float(expected), abs=1e-12)


def test_one_who_is_sure_and_right_is_calibrated_and_one_who_is_sure_and_wrong_is_not() -> None:
    logits = 1000 * torch.nn.functional.one_hot(torch.arange(7)).float()
    assert taken(logits, torch.arange(7), 3).counts(None).calibration_error == 0
    assert taken(logits, torch.arange(7).roll(1), 3).counts(None).calibration_error == 1


def test_one_who_knows_nothing_and_says_so_is_calibrated() -> None:
    found = taken(torch.zeros(14, 7), torch.arange(14) % 7, 5).counts(None)
    assert found.calibration_error == pytest.approx(0, abs=1e-15)
    assert found.correct_by_class == (2, 0, 0, 0, 0, 0, 0)


def test_five_classes_have_no_top_five_and_no_superclasses_no_coarse_accuracy() -> None:
    found = taken(torch.eye(5), torch.arange(5), 2).counts(None)
    assert (found.correct_top5, found.correct_coarse) == (None, None)
    assert taken(torch.eye(6), torch.arange(6), 2).counts(None).correct_top5 == 6


def test_a_logit_that_is_no_number_is_not_among_the_first_five() -> None:
    assert int(ranks(torch.full((1, 7), math.nan), torch.tensor([0]))) > TOP


def test_a_full_score_tells_what_the_short_one_tells_and_more() -> None:
    training = Training(recipe(), split(), start(recipe()), {})
    args = training.network, training.split.test
    short = score(*args, training.split.preprocessing, lambda: None)
    full = full_score(*args, training.split, lambda: None)
    assert (full.correct, full.images, full.loss) == (short.correct, short.images, short.loss)
    assert short.correct_by_class is None
    assert full.correct_by_class is not None
    assert full.images_by_class == (9, 8, 8)
    assert sum(full.correct_by_class) == full.correct
    assert full.accuracy_by_class == tuple(c / n for c, n in zip(full.correct_by_class, (9, 8, 8), strict=True))


def test_a_class_without_images_has_no_accuracy() -> None:
    training = Training(recipe(), split(), start(recipe()), {})
    one = training.split.test
    only = one.y != 1
    found = full_score(training.network, Part(one.x[only], one.y[only]), training.split, lambda: None)
    assert found.accuracy_by_class is not None
    assert found.accuracy_by_class[1] is None


def test_superclasses_of_the_split_make_coarse_accuracy() -> None:
    grouped = replace(split(), superclasses=(0, 0, 0))
    training = Training(recipe(), grouped, start(recipe()), {})
    metrics = fit(training, (), MemoryWorkspace())
    assert metrics.test.coarse_accuracy == metrics.validation.coarse_accuracy == 1
    assert metrics.test.accuracy < 1


def test_the_end_is_measured_in_full_on_validation_and_test_alone() -> None:
    settings = recipe(steps=9)
    training = Training(settings, split(), start(settings), random_masks(settings))
    metrics = fit(training, (), MemoryWorkspace())
    for whole in (metrics.validation, metrics.test, metrics.best_test):
        assert whole.correct_by_class is not None
        assert whole.calibration_error is not None
    for short in (metrics.train, metrics.best_validation):
        assert short.correct_by_class is None
        assert short.calibration_error is None


def test_on_a_gpu_fewer_of_large_images_are_measured_at_once() -> None:
    """A hundred of them might be too large for it, and no option of a job would help."""
    on_gpu: Any = SimpleNamespace(device=torch.device("cuda"))
    sizes = {8: 5461, 32: 341, 224: 100, 473: 99, 1024: 21, 8192: 1}
    for side, images in sizes.items():
        looked_at = Preprocessing(channels=3, size=(side, side), mean=(0.0,) * 3, std=(1.0,) * 3)
        assert _images_at_once(torch.nn.Identity(), on_gpu, looked_at) == images
