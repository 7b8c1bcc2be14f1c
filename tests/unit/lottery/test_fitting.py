from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import torch

from tests.support.lottery import MOMENTUM, OPTIMIZERS, MemoryWorkspace, after, random_masks, recipe, split, start
from winnow.contract.problems import Reason
from winnow.contract.recipes import LrSchedule, Milestones, Recipe
from winnow.contract.results import Metrics, Score
from winnow.contract.specs.training import Augment, Cosine, Optimizer, Sgd
from winnow.lottery.data.images import Part
from winnow.lottery.fitting import _Between, fit
from winnow.lottery.lr_schedules import learning_rate
from winnow.lottery.state import State
from winnow.lottery.training import Best, Training, train
from winnow.lottery.units.evidence import digest
from winnow.lottery.workspace import Stop, UnitFailed

KEEP = (0, 3, 9)
STEPS_DOWN = Milestones(steps=(2, 5), factor=Decimal("0.1"))


def training_of(settings: Recipe) -> Training:
    return Training(settings, split(), start(settings), random_masks(settings))


def everything(training: Training, metrics: Metrics) -> tuple[object, ...]:
    """All that a unit makes of a training."""
    kept = {step: (digest(state.network), digest(state.optimizer)) for step, state in training.kept.items()}
    last = training.state()
    return digest(last.network), digest(last.optimizer), kept, tuple(training.curve), metrics


def straight(settings: Recipe) -> tuple[object, ...]:
    training = training_of(settings)
    return everything(training, fit(training, KEEP, MemoryWorkspace(), pulse=0))


def test_stopped_at_any_call_and_resumed_it_ends_in_the_same_bytes() -> None:
    """Trap 29: a resume that drops mask or optimizer. Every step, every batch measured, the end: each is tried."""
    settings = recipe("digits_cnn", optimizer=MOMENTUM, lr_schedule=Cosine(), warmup=3)
    whole, expected = MemoryWorkspace(), straight(settings)
    fit(training_of(settings), KEEP, whole, pulse=0)
    assert len(whole.seen) > settings.steps
    for call in range(len(whole.seen)):
        first = MemoryWorkspace(stop=after(call))
        with pytest.raises(Stop):
            fit(training_of(settings), KEEP, first, pulse=0)

        # A new process as far as training goes: all that lives on is the checkpoint.
        training = training_of(settings)
        metrics = fit(training, KEEP, MemoryWorkspace(saved=first.saved), pulse=0)

        assert everything(training, metrics) == expected


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("architecture", ["lenet_300_100", "resnet20"])
def test_stopped_over_and_over_it_ends_in_the_same_bytes(architecture: str, optimizer: Optimizer) -> None:
    regularised: dict[str, Any] = {"label_smoothing": Decimal("0.1"), "clip": Decimal("0.5"), "dropout": Decimal("0.3")}
    settings = recipe(architecture, optimizer=optimizer, augment=Augment(crop=1, flip=True), **regularised)
    workspace, stops, metrics = MemoryWorkspace(), 0, None
    while metrics is None:
        training = training_of(settings)
        workspace = MemoryWorkspace(saved=workspace.saved, stop=after(6))
        try:
            metrics = fit(training, KEEP, workspace, pulse=0)
        except Stop:
            stops += 1

    assert stops >= 2
    assert everything(training, metrics) == straight(settings)


def test_in_bf16_too_it_is_stopped_and_ends_in_the_same_bytes() -> None:
    settings = recipe("resnet20", optimizer=OPTIMIZERS[0], precision="bf16")
    first = MemoryWorkspace(stop=after(6))
    with pytest.raises(Stop):
        fit(training_of(settings), KEEP, first, pulse=0)
    training = training_of(settings)
    metrics = fit(training, KEEP, MemoryWorkspace(saved=first.saved), pulse=0)
    assert everything(training, metrics) == straight(settings)


def test_a_stop_without_checkpoint_leaves_none() -> None:
    workspace = MemoryWorkspace(stop=lambda done: done == 5, keep=False)
    with pytest.raises(Stop):
        fit(training_of(recipe()), KEEP, workspace, pulse=0)
    assert workspace.saved is None


def test_a_stop_gets_in_during_an_epoch_and_during_measuring() -> None:
    """On a net so big that an epoch is long, every step and every batch that is measured is a place to stop."""
    workspace = MemoryWorkspace()
    fit(training_of(recipe()), KEEP, workspace, pulse=0)
    places = [done for done, _, _ in workspace.seen]
    assert set(places) == set(range(10))
    assert places.count(9) > places.count(7), "after the last step, the measuring is interruptible too"


def test_progress_goes_on_and_carries_each_point_once() -> None:
    workspace = MemoryWorkspace()
    training = training_of(recipe())
    fit(training, (), workspace, pulse=0)
    assert [done for done, _, _ in workspace.seen] == sorted(done for done, _, _ in workspace.seen)
    assert {of for _, of, _ in workspace.seen} == {9}
    assert [point for _, _, point in workspace.seen if point] == training.curve


def test_between_two_pulses_nobody_is_called() -> None:
    workspace = MemoryWorkspace()
    fit(training_of(recipe()), (), workspace, pulse=3600)
    assert len([point for _, _, point in workspace.seen if point is None]) == 1


def test_the_curve_has_the_validation_scores_the_zeros_and_the_training_loss() -> None:
    training = training_of(recipe())
    metrics = fit(training, (), MemoryWorkspace())
    assert [point.step for point in training.curve] == [4, 8, 9]
    last = training.curve[-1].values
    assert last["validation_loss"] == metrics.validation.loss
    assert last["validation_accuracy"] == metrics.validation.accuracy
    assert last["zeros"] == sum(int((~mask).sum()) for mask in random_masks(training.recipe).values())
    assert training.curve[0].values["train_loss"] > training.curve[-1].values["train_loss"] > 0


def test_the_best_step_is_chosen_by_validation_alone() -> None:
    """Trap 31: the best epoch picked on the test set. With other test labels nothing but test scores changes."""
    settings = recipe(steps=40, optimizer=Sgd(lr=Decimal("0.2"), momentum=Decimal("0.9")))
    one, data = training_of(settings), split()
    data.test.y.copy_((data.test.y + 1) % 3)
    other = Training(settings, data, start(settings), random_masks(settings))

    mine, theirs = fit(one, (), MemoryWorkspace()), fit(other, (), MemoryWorkspace())

    lowest = min(one.curve, key=lambda point: point.values["validation_loss"])
    assert mine.best_step == lowest.step
    assert mine.best_validation.loss == lowest.values["validation_loss"]
    assert mine.best_step < settings.steps, "the choice is one: validation was better before the end"
    assert digest(one.state().network) == digest(other.state().network)
    blind = {"test", "best_test"}
    assert mine.model_dump(exclude=blind) == theirs.model_dump(exclude=blind)
    assert mine.test != theirs.test


@pytest.mark.parametrize("dropout", [Decimal(0), Decimal("0.3")])
def test_the_test_score_at_the_best_step_is_that_of_its_weights(dropout: Decimal) -> None:
    settings = recipe(steps=40, optimizer=Sgd(lr=Decimal("0.2"), momentum=Decimal("0.9")), dropout=dropout)
    metrics = fit(training_of(settings), (), MemoryWorkspace())
    assert metrics.best_step < settings.steps
    shorter = fit(training_of(settings.model_copy(update={"steps": metrics.best_step})), (), MemoryWorkspace())
    assert metrics.best_test == shorter.test
    full = shorter.validation
    assert metrics.best_validation == Score(correct=full.correct, images=full.images, loss=full.loss)


IMPATIENT = recipe(steps=40, optimizer=Sgd(lr=Decimal("0.2"), momentum=Decimal("0.9")), patience=2)


def test_training_stops_where_validation_has_not_got_better_for_so_many_points() -> None:
    patient, impatient = training_of(IMPATIENT.model_copy(update={"patience": None})), training_of(IMPATIENT)
    fit(patient, (), MemoryWorkspace())
    metrics = fit(impatient, (), MemoryWorkspace())

    losses = [point.values["validation_loss"] for point in patient.curve]
    stale = (i for i in range(2, len(losses)) if min(losses[i - 1 : i + 1]) >= min(losses[: i - 1]))
    end = next(stale)
    assert impatient.curve == patient.curve[: end + 1]
    assert impatient.step == patient.curve[end].step < 40
    assert metrics.best_step == patient.curve[end - 2].step


def test_a_training_that_stopped_early_has_the_weights_of_its_last_step() -> None:
    early = training_of(IMPATIENT)
    metrics = fit(early, (), MemoryWorkspace())
    shorter = training_of(IMPATIENT.model_copy(update={"patience": None, "steps": early.step}))
    assert everything(early, metrics) == everything(shorter, fit(shorter, (), MemoryWorkspace()))


def test_a_training_that_stops_early_stops_there_after_any_resume() -> None:
    whole = MemoryWorkspace()
    straight = training_of(IMPATIENT)
    expected = everything(straight, fit(straight, KEEP, whole, pulse=0))
    assert whole.seen[-1][:2] == (straight.step, straight.step), "and it is done then"
    for call in range(len(whole.seen)):
        first = MemoryWorkspace(stop=after(call))
        with pytest.raises(Stop):
            fit(training_of(IMPATIENT), KEEP, first, pulse=0)
        training = training_of(IMPATIENT)
        metrics = fit(training, KEEP, MemoryWorkspace(saved=first.saved), pulse=0)
        assert everything(training, metrics) == expected


def test_patience_that_is_never_at_its_end_changes_nothing() -> None:
    settings = recipe(patience=100)
    training = training_of(settings)
    assert everything(training, fit(training, KEEP, MemoryWorkspace(), pulse=0)) == straight(recipe())


def test_a_training_that_diverges_says_what_to_change() -> None:
    settings = recipe(optimizer=Sgd(lr=Decimal("100"), momentum=Decimal("0.9")), steps=200)
    with pytest.raises(UnitFailed, match=r"Lower the learning rate .*100") as failed:
        fit(training_of(settings), (), MemoryWorkspace())
    assert failed.value.reason is Reason.USER_ERROR


@pytest.mark.parametrize("where", ["train", "validation", "test"])
def test_a_loss_that_is_no_number_when_it_is_measured_says_so_too(where: str) -> None:
    """Training may end before anyone has seen the images that are too much for it."""
    parts, settings = split(), recipe(steps=4)
    too_much = Part(torch.full((20, 1, 8, 8), torch.inf), torch.zeros(20, dtype=torch.int64))
    training = Training(settings, parts, start(settings), {})
    train(training, ())
    training.best = Best(4, Score(correct=1, images=20, loss=0.1), training.state().network)
    training.split = replace(parts, **{where: too_much})
    with pytest.raises(UnitFailed, match="training diverged"):
        _Between(training, MemoryWorkspace(), pulse=0).measure()


def rates(settings: Recipe, workspace: MemoryWorkspace, first: int = 0) -> dict[int, float]:
    """Step → learning rate, as the optimizer has it just before that step."""
    training = Training(settings, split(), State(first, start(settings).network, {}), {})
    seen: dict[int, float] = {}
    stop = workspace.stop

    def look(done: int) -> bool:
        seen[training.step] = training.optimizer.lr
        return stop(done)

    workspace.stop = look
    with suppress(Stop):
        fit(training, (), workspace, pulse=0)
    return seen


@pytest.mark.parametrize("warmup", [0, 4])
@pytest.mark.parametrize("schedule", [STEPS_DOWN, Milestones(), Cosine()], ids=repr)
def test_the_rate_of_a_retraining_is_the_dense_runs_at_the_same_step(schedule: LrSchedule, warmup: int) -> None:
    """Trap 7: weights rewound, the schedule restarted. After a resume, too."""
    settings = recipe(optimizer=MOMENTUM, lr_schedule=schedule, warmup=warmup)
    dense = rates(settings, MemoryWorkspace())
    assert [dense[step] for step in range(9)] == [learning_rate(settings, step) for step in range(9)]

    for k in (1, 4, 6):
        retraining = rates(settings, MemoryWorkspace(), first=k)
        assert retraining == {step: rate for step, rate in dense.items() if step >= k}

    cut = MemoryWorkspace(stop=lambda done: done == 6)
    rates(settings, cut)
    assert rates(settings, MemoryWorkspace(saved=cut.saved)) == {s: rate for s, rate in dense.items() if s >= 6}


def test_states_are_kept_at_their_steps() -> None:
    settings = recipe("resnet20")
    training = training_of(settings)
    fit(training, KEEP, MemoryWorkspace())
    assert sorted(training.kept) == [0, 3, 9]
    assert not training.kept[0].optimizer
    assert training.kept[3].optimizer
    assert digest(training.kept[9].network) == digest(training.state().network)
