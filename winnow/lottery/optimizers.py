"""Optimizers, as a recipe names them.

The updates are PyTorch's fused kernels, called directly. `torch.optim` calls the same ones with the same bits, after
bookkeeping (hooks, groups, one lookup a parameter) that takes 3 % of a step of `lenet_300_100`: see
`bench/training.py`. Weight decay is L2, added to the gradient; AdamW's alone acts on the weight itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from winnow.contract.specs import training as chosen

OptimizerState = Mapping[str, Tensor]


class Optimizer(ABC):
    """Updates a network's parameters in place, with a state of their own for each from its first step on.

    Every parameter that is not frozen takes part in every step. The lists are in the order of the parameters.
    """

    def __init__(self, network: nn.Module, lr: float) -> None:
        self.lr = lr
        trained = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
        self.names, self.parameters = map(list, zip(*trained, strict=True))
        self._lists: dict[str, list[Tensor]] = {}

    def zero_grad(self) -> None:
        """Let the gradients go: the next backward pass brings new ones."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take one step along the gradients, which every parameter has."""
        self._update([cast(Tensor, parameter.grad) for parameter in self.parameters])

    @property
    def state(self) -> Mapping[str, OptimizerState]:
        """Parameter → key → tensor; empty before the first step."""
        if not self._lists:
            return {}
        return {
            name: {key: tensors[place] for key, tensors in self._lists.items()} for place, name in enumerate(self.names)
        }

    def load(self, state: Mapping[str, OptimizerState]) -> None:
        """Take these tensors as the state; what it had before is forgotten. Empty: as before the first step."""
        keys = state[self.names[0]] if state else ()
        self._lists = {key: [state[name][key] for name in self.names] for key in keys}

    @abstractmethod
    def _update(self, gradients: list[Tensor]) -> None: ...


class Sgd(Optimizer):
    """Stochastic gradient descent with momentum, which begins as the first gradient.

    Nesterov's form: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning".
    """

    def __init__(self, choice: chosen.Sgd, network: nn.Module) -> None:
        super().__init__(network, float(choice.lr))
        self.momentum, self.decay = float(choice.momentum), float(choice.weight_decay)
        self.nesterov = choice.nesterov

    def _update(self, gradients: list[Tensor]) -> None:
        first = self.momentum > 0 and not self._lists
        if first:
            self._lists = {"momentum_buffer": [torch.empty_like(parameter) for parameter in self.parameters]}
        torch._fused_sgd_(
            self.parameters,
            gradients,
            self._lists.get("momentum_buffer", []),
            weight_decay=self.decay,
            momentum=self.momentum,
            lr=self.lr,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
            is_first_step=first,
        )


class Adam(Optimizer):
    """Adam with bias correction: Kingma & Ba 2015, arXiv:1412.6980."""

    kernel: ClassVar[Callable[..., None]] = staticmethod(torch._fused_adam_)

    def __init__(self, choice: chosen.Adam | chosen.AdamW, network: nn.Module) -> None:
        super().__init__(network, float(choice.lr))
        self.decay = float(choice.weight_decay)

    def _update(self, gradients: list[Tensor]) -> None:
        if not self._lists:
            self._lists = {
                "step": [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters],
                "exp_avg": [torch.zeros_like(parameter) for parameter in self.parameters],
                "exp_avg_sq": [torch.zeros_like(parameter) for parameter in self.parameters],
            }
        torch._foreach_add_(self._lists["step"], 1)
        self.kernel(
            self.parameters,
            gradients,
            self._lists["exp_avg"],
            self._lists["exp_avg_sq"],
            [],
            self._lists["step"],
            amsgrad=False,
            lr=self.lr,
            beta1=0.9,
            beta2=0.999,
            weight_decay=self.decay,
            eps=1e-8,
            maximize=False,
        )


class AdamW(Adam):
    """Adam, with w − lr × decay × w before each step: Loshchilov & Hutter 2019, arXiv:1711.05101."""

    kernel: ClassVar[Callable[..., None]] = staticmethod(torch._fused_adamw_)


def optimizer_for(choice: chosen.Optimizer, network: nn.Module) -> Optimizer:
    """The optimizer of a recipe."""
    match choice:
        case chosen.Sgd():
            return Sgd(choice, network)
        case chosen.Adam():
            return Adam(choice, network)
        case chosen.AdamW():
            return AdamW(choice, network)
