from decimal import Decimal

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from winnow.contract.specs.training import Adam, AdamW, Optimizer, Sgd
from winnow.lottery.optimizers import optimizer_for

STEPS = 6
GRADIENTS = np.random.default_rng(1).normal(size=(STEPS, 4))
START = np.array([0.5, -0.25, 0.0, 2.0])


def followed(choice: Optimizer) -> np.ndarray:
    """Where the optimizer takes START along GRADIENTS."""
    layer = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(START)[None])
    optimizer = optimizer_for(choice, layer)
    for gradient in GRADIENTS:
        layer.weight.grad = torch.from_numpy(gradient[None]).float()
        optimizer.step()
    return layer.weight.detach().numpy()[0]


def test_sgd_is_the_textbook_one() -> None:
    choice = Sgd(lr=Decimal("0.1"), momentum=Decimal("0.9"), weight_decay=Decimal("0.01"))
    weight, velocity = START.copy(), np.zeros(4)
    for gradient in GRADIENTS:
        velocity = 0.9 * velocity + gradient + 0.01 * weight
        weight -= 0.1 * velocity
    assert followed(choice) == pytest.approx(weight, abs=1e-6)


def test_nesterov_momentum_looks_one_step_ahead() -> None:
    choice = Sgd(lr=Decimal("0.1"), momentum=Decimal("0.9"), nesterov=True, weight_decay=Decimal("0.01"))
    weight, velocity = START.copy(), np.zeros(4)
    for given in GRADIENTS:
        gradient = given + 0.01 * weight
        velocity = 0.9 * velocity + gradient
        weight -= 0.1 * (gradient + 0.9 * velocity)
    assert followed(choice) == pytest.approx(weight, abs=1e-6)
    assert followed(choice) != pytest.approx(followed(choice.model_copy(update={"nesterov": False})), abs=1e-3)


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(ValidationError, match="nesterov wants momentum above 0"):
        Sgd(momentum=Decimal(0), nesterov=True)


def test_adam_is_the_textbook_one_with_l2() -> None:
    choice = Adam(lr=Decimal("0.1"), weight_decay=Decimal("0.01"))
    weight, first, second = START.copy(), np.zeros(4), np.zeros(4)
    for step, given in enumerate(GRADIENTS, start=1):
        gradient = given + 0.01 * weight
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weight -= 0.1 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    assert followed(choice) == pytest.approx(weight, abs=1e-6)


def test_adamw_decays_the_weight_itself_and_not_its_gradient() -> None:
    choice = AdamW(lr=Decimal("0.1"), weight_decay=Decimal("0.3"))
    weight, first, second = START.copy(), np.zeros(4), np.zeros(4)
    for step, gradient in enumerate(GRADIENTS, start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weight -= 0.1 * 0.3 * weight
        weight -= 0.1 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    assert followed(choice) == pytest.approx(weight, abs=1e-6)
    l2 = Adam(lr=choice.lr, weight_decay=choice.weight_decay)
    assert followed(choice) != pytest.approx(followed(l2), abs=1e-3)


@pytest.mark.parametrize(
    ("choice", "theirs"),
    [
        (Sgd(lr=Decimal("0.1"), momentum=Decimal("0.9"), weight_decay=Decimal("0.01")), torch.optim.SGD),
        (Sgd(lr=Decimal("0.1"), momentum=Decimal(0)), torch.optim.SGD),
        (Sgd(lr=Decimal("0.1"), nesterov=True, weight_decay=Decimal("0.01")), torch.optim.SGD),
        (Adam(lr=Decimal("0.1"), weight_decay=Decimal("0.01")), torch.optim.Adam),
        (AdamW(lr=Decimal("0.1"), weight_decay=Decimal("0.3")), torch.optim.AdamW),
    ],
)
def test_the_bits_are_those_of_torch(choice: Optimizer, theirs: type[torch.optim.Optimizer]) -> None:
    given = {name: float(value) for name, value in choice.model_dump(exclude={"name", "nesterov"}).items()}
    if isinstance(choice, Sgd):
        given["nesterov"] = choice.nesterov
    layer = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(START)[None])
    optimizer = theirs(layer.parameters(), **given, fused=True)
    for gradient in GRADIENTS:
        layer.weight.grad = torch.from_numpy(gradient[None]).float()
        optimizer.step()
    assert followed(choice).tobytes() == layer.weight.detach().numpy()[0].tobytes()
