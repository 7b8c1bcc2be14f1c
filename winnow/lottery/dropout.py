"""Dropout: Hinton et al. 2012, arXiv:1207.0580; Srivastava et al. 2014. The kept outputs are scaled up in training."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from winnow.contract.seeds import seed_for
from winnow.lottery.data.sending import sent
from winnow.lottery.distributed.ranks import Share


class Dropout:
    """Drops outputs of these layers while they train; the same ones at the same step in every arm and at every level.

    A forward hook on each layer, so that the network has the layers, names and graph that it has without.
    """

    def __init__(  # noqa: PLR0913 - all that a draw depends on, and where it is used
        self, network: nn.Module, layers: Iterable[str], rate: float, *, seed: int, replicate: int, copy: int
    ) -> None:
        self._rate = rate
        self._seed = seed
        self._replicate = replicate
        self._copy = copy
        self._draws = torch.Generator()
        self._share: Share | None = None
        if rate:
            for name in layers:
                network.get_submodule(name).register_forward_hook(self._dropped)

    def draw_for(self, step: int, share: Share | None = None) -> None:
        """From now on, drop what is dropped at this absolute step; of a share what is dropped there of the whole."""
        self._share = share
        if self._rate:
            self._draws.manual_seed(seed_for(self._seed, "dropout", self._replicate, step, copy=self._copy))

    def _dropped(self, layer: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        if not layer.training:
            return output
        # Uniform numbers, drawn on the CPU: torch's bernoulli_ draws others where it is built with MKL.
        whole, mine = (len(output), slice(None)) if self._share is None else (self._share.whole, self._share.images)
        kept = torch.rand((whole, *output.shape[1:]), generator=self._draws)[mine] >= self._rate
        scale = sent(kept, output.device).float().div_(1 - self._rate)
        return (output * scale).to(output.dtype)  # in float32: bfloat16 would round 1 / (1 - rate)
