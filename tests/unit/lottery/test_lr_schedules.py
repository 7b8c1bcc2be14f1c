import math
from decimal import Decimal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.lottery import recipe
from winnow.contract.recipes import LrSchedule, Milestones
from winnow.contract.specs.training import Cosine, Sgd
from winnow.lottery.lr_schedules import learning_rate, rate_changes

STEPS_DOWN = Milestones(steps=(3, 7), factor=Decimal("0.1"))
EACH_SCHEDULE = pytest.mark.parametrize("schedule", [Milestones(), STEPS_DOWN, Cosine()], ids=repr)


def rates(schedule: LrSchedule, lr: str = "0.1", steps: int = 9, warmup: int = 0) -> list[float]:
    settings = recipe(optimizer=Sgd(lr=Decimal(lr)), lr_schedule=schedule, steps=steps, warmup=warmup)
    return [learning_rate(settings, step) for step in range(steps)]


def test_a_constant_rate_never_changes() -> None:
    assert set(rates(Milestones(), "0.3")) == {0.3}


def test_each_milestone_multiplies_from_that_step_on() -> None:
    assert rates(STEPS_DOWN) == [*[0.1] * 3, *[0.01] * 4, *[0.001] * 2]


def test_a_cosine_falls_from_the_rate_to_zero_over_the_whole_budget() -> None:
    found = rates(Cosine(), "0.2", steps=12)
    assert found[0] == 0.2
    assert found[4] == 0.15, "a third of the way: (1 + cos 60°) ÷ 2, to the last bit"
    assert found[6] == 0.1
    assert found == sorted(found, reverse=True)
    assert learning_rate(recipe(lr_schedule=Cosine()), 9) == pytest.approx(0, abs=1e-20)


@given(st.integers(1, 10_000_000), st.data())
def test_a_cosine_is_that_of_mathematics(steps: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, steps - 1))
    settings = recipe(optimizer=Sgd(lr=Decimal("0.1")), lr_schedule=Cosine(), steps=steps)
    expected = 0.1 * math.sin(math.pi * (steps - step) / (2 * steps)) ** 2
    assert learning_rate(settings, step) == pytest.approx(expected, rel=1e-13)


def test_a_cosine_is_that_of_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    expected = []
    for _ in range(50):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert rates(Cosine(), steps=50) == pytest.approx(expected, rel=1e-9)


@EACH_SCHEDULE
def test_warm_up_multiplies_what_the_schedule_gives_at_the_same_step(schedule: LrSchedule) -> None:
    plain, warmed = rates(schedule), rates(schedule, warmup=5)
    assert warmed == pytest.approx([rate * min(1, (step + 1) / 5) for step, rate in enumerate(plain)], rel=1e-15)
    assert warmed[4:] == plain[4:], "the last step of the warm-up has the whole rate"


@EACH_SCHEDULE
@pytest.mark.parametrize("warmup", [0, 2, 5, 9])
def test_the_rate_changes_at_no_other_step_than_is_said(schedule: LrSchedule, warmup: int) -> None:
    settings = recipe(lr_schedule=schedule, warmup=warmup)
    places = rate_changes(settings)
    for step in range(1, 9):
        changed = learning_rate(settings, step) != learning_rate(settings, step - 1)
        assert not changed or any(step in at for at in places)


def test_a_schedule_of_few_steps_is_followed_at_those_alone() -> None:
    assert rate_changes(recipe(lr_schedule=STEPS_DOWN)) == (frozenset({3, 7}),)
    assert rate_changes(recipe()) == (frozenset(),)
