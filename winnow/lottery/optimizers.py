"""Optimizers and learning rates, as a recipe names them."""

from torch import nn, optim

from winnow.contract.specs import Optimizer, Sgd
from winnow.contract.units import Recipe


def optimizer_for(choice: Optimizer, network: nn.Module) -> optim.Optimizer:
    """SGD with momentum or Adam; weight decay is L2, added to the gradient. Fused kernels: see `bench/training.py`."""
    lr, decay = float(choice.lr), float(choice.weight_decay)
    if isinstance(choice, Sgd):
        return optim.SGD(network.parameters(), lr=lr, momentum=float(choice.momentum), weight_decay=decay, fused=True)
    return optim.Adam(network.parameters(), lr=lr, weight_decay=decay, fused=True)


def learning_rate(recipe: Recipe, step: int) -> float:
    """The rate of the step after `step`: it follows from the absolute step alone (trap 7)."""
    passed = sum(milestone <= step for milestone in recipe.lr_schedule.steps)
    factor = recipe.lr_schedule.factor if passed else None
    return float(recipe.optimizer.lr if factor is None else recipe.optimizer.lr * factor**passed)


def set_learning_rate(optimizer: optim.Optimizer, rate: float) -> None:
    """For all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate
