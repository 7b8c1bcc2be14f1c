from decimal import Decimal

import numpy as np
import pytest
import torch

from tests.support.lottery import MOMENTUM, OPTIMIZERS, random_masks, recipe, split, start
from winnow.contract.recipes import Recipe
from winnow.contract.specs.training import Augment, Optimizer
from winnow.lottery.evaluation import IMAGES_AT_ONCE_LINEAR, points, score
from winnow.lottery.state import State, network_arrays, optimizer_arrays, read_state
from winnow.lottery.training import Training, take_step, train
from winnow.lottery.units.evidence import digest

EACH_OPTIMIZER = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)


def dense(settings: Recipe, steps: int) -> Training:
    training = Training(settings, split(), start(settings), {})
    for _ in range(steps):
        take_step(training)
    return training


@EACH_OPTIMIZER
@pytest.mark.parametrize("architecture", ["lenet_300_100", "digits_cnn", "resnet20"])
def test_a_state_holds_everything_the_rest_depends_on(architecture: str, optimizer: Optimizer) -> None:
    """Parameters, buffers (trap 6), optimizer: from a copy of step 4, the rest comes out bit by bit."""
    settings = recipe(architecture, optimizer=optimizer, augment=Augment(crop=1, flip=True))
    straight = dense(settings, 9)

    again = Training(settings, split(), dense(settings, 4).state(), {})
    train(again, ())

    assert digest(network_arrays(again.network)) == digest(network_arrays(straight.network))
    assert digest(again.state().optimizer) == digest(straight.state().optimizer)


@EACH_OPTIMIZER
def test_a_state_survives_its_file(optimizer: Optimizer, tmp_path) -> None:
    state = dense(recipe("resnet20", optimizer=optimizer), 2).state()
    state.write(tmp_path / "state-2.safetensors")

    read = read_state(tmp_path / "state-2.safetensors")

    assert read.step == 2
    assert digest(read.network) == digest(state.network)
    assert digest(read.optimizer) == digest(state.optimizer)


def test_training_from_a_state_leaves_the_state_alone() -> None:
    """Trap 5: rewound values that alias the snapshot, so that training corrupts it."""
    settings = recipe("resnet20", optimizer=MOMENTUM)
    kept = dense(settings, 2).state()
    before = digest(kept.network), digest(kept.optimizer)
    train(Training(settings, split(), kept, random_masks(settings)), ())
    assert (digest(kept.network), digest(kept.optimizer)) == before


def test_going_back_to_a_state_leaves_nothing_of_what_came_after() -> None:
    """Traps 3, 4 and 6: in every round, survivors, biases and buffers are those of step k, and so is the optimizer."""
    settings = recipe("resnet20", optimizer=MOMENTUM)
    kept = dense(settings, 3).state()
    training = Training(settings, split(), kept, {})
    for _ in range(3):
        for _ in range(2):
            take_step(training)
        training.go_to(kept)
        assert digest(network_arrays(training.network)) == digest(kept.network)
        assert digest(training.state().optimizer) == digest(kept.optimizer)
        assert training.step == 3


def test_going_back_to_the_beginning_leaves_no_optimizer_state() -> None:
    settings = recipe(optimizer=MOMENTUM)
    training = dense(settings, 2)
    training.go_to(start(settings))
    assert not training.state().optimizer


def test_the_optimizer_goes_on_holding_the_models_own_tensors() -> None:
    """Trap 22: parameters replaced by new objects, the optimizer keeps the old ones, training stalls."""
    settings = recipe(optimizer=MOMENTUM)
    training = dense(settings, 1)
    training.go_to(training.state())
    held = training.optimizer.parameters
    assert [tensor.data_ptr() for tensor in held] == [tensor.data_ptr() for tensor in training.network.parameters()]
    before = network_arrays(training.network)
    take_step(training)
    assert all((array != before[name]).any() for name, array in network_arrays(training.network).items())


def test_every_arm_and_level_trains_with_the_same_settings_on_the_same_batches() -> None:
    """Trap 8: level 0 trained at another rate than later levels."""
    settings = recipe(optimizer=MOMENTUM)
    dense_run = Training(settings, split(), start(settings), {})
    ticket = Training(settings, split(), State(4, start(settings, 1).network, {}), random_masks(settings))
    plain = [(t.optimizer.lr, t.optimizer.momentum, t.optimizer.decay) for t in (dense_run, ticket)]
    assert plain[0] == plain[1]
    for step in range(settings.steps):
        for ours, theirs in zip(ticket.batches.at(step), dense_run.batches.at(step), strict=True):
            assert torch.equal(ours, theirs)


def test_training_draws_nothing_from_the_global_generator() -> None:
    before = torch.get_rng_state()
    dense(recipe("resnet20", augment=Augment(crop=2, flip=True)), 3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("images", [1, 7, IMAGES_AT_ONCE_LINEAR, IMAGES_AT_ONCE_LINEAR + 1])
def test_accuracy_is_correct_over_all_whatever_the_last_batch(images: int) -> None:
    """Trap 27: a partial last batch divided by the full size, or dropped."""
    settings = recipe()
    training = Training(settings, split(test=images), start(settings), {})
    part = training.split.test
    found = score(training.network, part, training.split.preprocessing, lambda: None)

    with torch.no_grad():
        logits = training.network((part.x / 255 - 0.4) / 0.25).double()
    right = int((logits.argmax(1) == part.y).sum())
    assert (found.correct, found.images) == (right, images)
    assert found.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, part.y)), rel=1e-5)


def test_labels_are_smoothed_in_the_training_loss_and_nowhere_else() -> None:
    """Szegedy et al. 2016: of each label 0.2 is spread over the three classes."""
    settings = recipe(label_smoothing=Decimal("0.2"))
    training = Training(settings, split(), start(settings), {})
    images, labels = training.batches.at(0)
    with torch.no_grad():
        log_probabilities = training.network(images).double().log_softmax(1)
    targets = 0.8 * torch.nn.functional.one_hot(labels, 3) + 0.2 / 3
    plain, smoothed = (-(part * log_probabilities).sum(1).mean() for part in (targets.round(), targets))

    take_step(training)

    assert float(training.loss_sum) == pytest.approx(float(smoothed), rel=1e-5)
    assert float(smoothed) != pytest.approx(float(plain), rel=1e-3)
    found = score(training.network, training.split.validation, training.split.preprocessing, lambda: None)
    with torch.no_grad():
        logits = training.network((training.split.validation.x / 255 - 0.4) / 0.25).double()
    expected = torch.nn.functional.cross_entropy(logits, training.split.validation.y)
    assert found.loss == pytest.approx(float(expected), rel=1e-5)


def test_measuring_changes_nothing() -> None:
    training = dense(recipe("resnet20"), 2)
    before = digest(training.state().network), digest(optimizer_arrays(training.optimizer))
    score(training.network, training.split.test, training.split.preprocessing, lambda: None)
    assert (digest(training.state().network), digest(training.state().optimizer)) == before
    assert training.network.training


@pytest.mark.parametrize(
    ("steps", "epoch", "expected"),
    [
        (9, 4, {4, 8, 9}),
        (8, 4, {4, 8}),
        (3, 4, {3}),
        (1, 1, {1}),
    ],
)
def test_a_run_is_measured_at_the_ends_of_epochs_and_at_its_own(steps: int, epoch: int, expected: set[int]) -> None:
    assert points(steps, epoch) == expected


@pytest.mark.parametrize("epochs", [99, 100, 101, 199, 200, 1000, 54321])
def test_a_long_run_is_measured_at_a_hundred_points(epochs: int) -> None:
    found = points(epochs * 22 + 5, 22)
    assert 50 <= len(found) <= 101
    assert max(found) == epochs * 22 + 5
    assert np.unique(np.diff(sorted(found)[:-1])).size <= 1
