"""Clipping gradients by their global norm: Pascanu et al. 2013, arXiv:1211.5063."""

from collections.abc import Iterable

from torch import nn
from torch.nn.utils import clip_grad_norm_

from winnow.lottery.masking import DeviceMasks


def clip(parameters: Iterable[nn.Parameter], masks: DeviceMasks, greatest: float) -> None:
    """Scale all gradients by one factor where their L2 norm together is above `greatest`.

    Gradients of masked weights become 0 first: what is pruned has no say in how far the rest may go.
    """
    masks.apply_to_gradients()
    clip_grad_norm_(parameters, greatest, foreach=True)
