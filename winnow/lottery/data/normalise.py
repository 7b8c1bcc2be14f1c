"""Pixels to what a network takes, on the device that holds them."""

import torch
from torch import Tensor

from winnow.artifact.preprocessing import Preprocessing


class Normalisation:
    """A preprocessing's product and sum, at hand on one device.

    The two operations of `winnow.artifact.preprocessing.normalise`, each rounded to float32, so that prediction sees
    the bits that training saw. As one fused operation (`addcmul`) it took 1.5 × as long on a CPU, as a table lookup
    5 ×; taking the batch from a float32 copy of the whole data set instead, four times its memory, would save 1 % of
    a training step of `lenet_300_100`; new memory for each batch would add 2 %.
    """

    def __init__(self, preprocessing: Preprocessing, device: torch.device) -> None:
        self._scale = torch.from_numpy(preprocessing.scale).to(device)[:, None, None]
        self._shift = torch.from_numpy(preprocessing.shift).to(device)[:, None, None]
        self._room = torch.empty(0, device=device)

    def __call__(self, x: Tensor) -> Tensor:
        """uint8 N×C×H×W as float32, in memory that the next call uses again. Features, float32, stay as they are."""
        if x.is_floating_point():
            return x
        if len(self._room) < len(x):
            self._room = torch.empty(x.shape, device=x.device)
        return self._room[: len(x)].copy_(x).mul_(self._scale).add_(self._shift)
