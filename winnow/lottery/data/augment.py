"""Random crop and flip of a whole batch at once, on the device that holds it."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from winnow.contract.specs.training import Augment
from winnow.lottery.data.sending import sent
from winnow.lottery.distributed.ranks import Share


def augmented(x: Tensor, augment: Augment, seed: int, share: Share | None = None) -> Tensor:
    """Each image of uint8 N×C×H×W padded with black, cut out at a random place, mirrored left to right half the time.

    Works on pixels, before they are normalised: a fourth of the bytes. Drawn on the CPU, so that every device sees the
    same images, and for the whole batch where `x` is a share of it. He et al. 2016, arXiv:1512.03385, section 4.2.
    """
    draws = torch.Generator().manual_seed(seed)
    whole, mine = (len(x), slice(None)) if share is None else (share.whole, share.images)
    if augment.crop:
        places = torch.randint(2 * augment.crop + 1, (2, whole), generator=draws)[:, mine].contiguous()
        x = _cropped(x, augment.crop, sent(places, x.device))
    if augment.flip:
        x = _mirrored(x, torch.randint(2, (whole,), generator=draws)[mine])
    return x


def _mirrored(x: Tensor, drawn: Tensor) -> Tensor:
    """The images for which 1 is drawn, left to right."""
    if x.device.type == "cpu":
        mirrored = drawn.nonzero().flatten()
        return x.index_copy(0, mirrored, x.index_select(0, mirrored).flip(3))  # 0.2 × the time of torch.where
    # There index_copy sorts its indices to be deterministic.
    return torch.where(sent(drawn.bool(), x.device)[:, None, None, None], x.flip(3), x)


def _cropped(x: Tensor, margin: int, places: Tensor) -> Tensor:
    """Of each image with its margin the window whose upper left corner is at `places` (2×N: row, column)."""
    _, _, height, width = x.shape
    windows = pad(x, (margin, margin, margin, margin)).unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(x), device=x.device), :, places[0], places[1]]
