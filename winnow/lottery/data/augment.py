"""Random crop and flip of a whole batch at once, on the device that holds it."""

import torch
from torch import Tensor

from winnow.contract.specs import Augment


def augmented(x: Tensor, augment: Augment, border: Tensor, seed: int) -> Tensor:
    """Each image of N×C×H×W padded by `augment.crop`, cut out at a random place, mirrored half of the time.

    `border` (C values) is what lies outside an image: black, as the images are normalised. Drawn on the CPU, so that
    every device sees the same images. He et al. 2016, arXiv:1512.03385, section 4.2.
    """
    count, _, height, width = x.shape
    draws = torch.Generator().manual_seed(seed)
    rows = torch.arange(height).expand(count, height)
    columns = torch.arange(width).expand(count, width)
    if augment.crop:
        top, left = torch.randint(2 * augment.crop + 1, (2, count, 1), generator=draws)
        rows, columns = rows + top, columns + left
        x = _padded(x, augment.crop, border)
    if augment.flip:
        mirrored = torch.randint(2, (count, 1), generator=draws).bool()
        columns = torch.where(mirrored, columns.flip(1), columns)
    return _cut(x, rows.to(x.device), columns.to(x.device))


def _padded(x: Tensor, margin: int, border: Tensor) -> Tensor:
    count, _, height, width = x.shape
    canvas = border.to(x.device)[:, None, None].repeat(count, 1, height + 2 * margin, width + 2 * margin)
    canvas[:, :, margin:-margin, margin:-margin] = x
    return canvas


def _cut(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    image = torch.arange(len(x), device=x.device)[:, None, None, None]
    channel = torch.arange(x.shape[1], device=x.device)[:, None, None]
    return x[image, channel, rows[:, None, :, None], columns[:, None, None, :]]
