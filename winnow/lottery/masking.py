"""Masks on the device: after each step masked weights become +0.0, under every optimizer."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class _Masked(NamedTuple):
    parameter: nn.Parameter
    weight: Tensor  # the parameter's own memory, seen as int32
    bits: Tensor  # all ones where kept, 0 where masked


class DeviceMasks:
    """The masks of a network's tensors, True = kept. Those that mask nothing cost nothing.

    A bitwise AND, because a product leaves −0.0 and NaN, and masking gradients instead lets momentum and weight decay
    revive what was pruned (trap 16).
    """

    def __init__(self, network: nn.Module, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        self._masked = [
            _masked(network.get_parameter(name), torch.from_numpy(mask))
            for name, mask in masks.items()
            if not mask.all()
        ]

    def apply(self) -> None:
        """Set masked weights to +0.0."""
        for masked in self._masked:
            masked.weight.bitwise_and_(masked.bits)

    def apply_to_gradients(self) -> None:
        """Set the gradients of masked weights to +0.0. Every parameter has one but those that are frozen."""
        for masked in self._masked:
            if masked.parameter.grad is not None:
                masked.parameter.grad.view(torch.int32).bitwise_and_(masked.bits)

    def zeros(self) -> int:
        """How many masked weights are +0.0."""
        return sum(int(((masked.weight | masked.bits) == 0).sum()) for masked in self._masked)


def _masked(parameter: nn.Parameter, mask: Tensor) -> _Masked:
    weight = parameter.detach().view(torch.int32)
    bits = torch.empty_like(weight).copy_(mask.to(torch.int32).neg())
    return _Masked(parameter, weight, bits)
