"""Initialisers: each draws from a generator of its own, in main memory, so a seed means the same on every device."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from winnow.contract.recipes import Recipe
from winnow.lottery.architectures import build
from winnow.lottery.state import Array, network_arrays

LAYER_SCALE = 1e-6
"""What ConvNeXt's residual branches are multiplied by at first: Liu et al. 2022, arXiv:2201.03545, table 5."""

Draw = Callable[[Tensor, torch.Generator], Tensor]


def _glorot(weight: Tensor, generator: torch.Generator) -> Tensor:
    return nn.init.xavier_normal_(weight, generator=generator)


def _kaiming(weight: Tensor, generator: torch.Generator) -> Tensor:
    return nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


def _torch(weight: Tensor, generator: torch.Generator) -> Tensor:
    return nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)


INITS: dict[str, Draw] = {
    "glorot_normal": _glorot,  # Glorot & Bengio 2010
    "kaiming_normal": _kaiming,  # He et al. 2015, arXiv:1502.01852
    "torch": _torch,  # what torch's own layers do
}


def initial(recipe: Recipe, seed: int) -> dict[str, Array]:
    """Parameters and buffers of a fresh network, by name, drawn from `seed` (0 is a seed like any other).

    Weights by `recipe.init`, biases 0 (with `torch`: uniform within 1/√fan-in, as torch's layers), normalisation the
    identity, the scales of residual branches 10⁻⁶.
    """
    network = build(*recipe.network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                INITS[recipe.init](module.weight, generator)
                if module.bias is not None:
                    _set_bias(module.bias, module.weight, recipe.init, generator)
            elif isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
                module.reset_parameters()
            elif isinstance(scale := getattr(module, "layer_scale", None), nn.Parameter):
                scale.fill_(LAYER_SCALE)
    return network_arrays(network)


def _set_bias(bias: Tensor, weight: Tensor, init: str, generator: torch.Generator) -> None:
    if init == "torch":
        bound = 1 / math.sqrt(weight[0].numel())
        bias.uniform_(-bound, bound, generator=generator)
    else:
        bias.zero_()
