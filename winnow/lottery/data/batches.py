"""Batches by absolute step: an index selection, then normalisation and augmentation, batched on the device."""

from collections.abc import Iterator

import torch
from torch import Tensor

from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.seeds import seed_for
from winnow.contract.specs import Augment
from winnow.lottery.data.augment import augmented
from winnow.lottery.data.images import Part


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Steps in which every image is seen once; the last batch may be smaller."""
    return -(-images // batch_size)


def order(seed: int, replicate: int, epoch: int, images: int) -> Tensor:
    """The order in which an epoch sees its images: indices, int64. Arms and levels do not enter."""
    generator = torch.Generator().manual_seed(seed_for(seed, "order", replicate, epoch))
    return torch.randperm(images, generator=generator)


def normalised(x: Tensor, preprocessing: Preprocessing) -> Tensor:
    """uint8 N×C×H×W as float32: the two operations of `winnow.artifact.preprocessing.normalise`, bit for bit."""
    scale, shift = (
        torch.from_numpy(values).to(x.device)[:, None, None] for values in (preprocessing.scale, preprocessing.shift)
    )
    return x.to(torch.float32).mul_(scale).add_(shift)


def in_order(part: Part, preprocessing: Preprocessing, batch_size: int = 1000) -> Iterator[tuple[Tensor, Tensor]]:
    """The images of a split as they lie, normalised, for measuring."""
    for x, y in zip(part.x.split(batch_size), part.y.split(batch_size), strict=True):
        yield normalised(x, preprocessing), y


class Batches:
    """The training batches of one replicate: what `at(step)` gives depends on seed, replicate and step only."""

    def __init__(
        self, part: Part, preprocessing: Preprocessing, *, batch_size: int, seed: int, replicate: int, augment: Augment
    ) -> None:
        self.steps_per_epoch = steps_per_epoch(len(part), batch_size)
        self._part = part
        self._preprocessing = preprocessing
        self._batch_size = batch_size
        self._seed = seed
        self._replicate = replicate
        self._augment = augment
        self._epoch = -1
        self._order: tuple[Tensor, ...] = ()

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Images float32 B×C×H×W and labels int64 B of an absolute step, 0 being the first."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            indices = order(self._seed, self._replicate, epoch, len(self._part)).to(self._part.y.device)
            self._epoch, self._order = epoch, indices.split(self._batch_size)
        chosen = self._order[place]
        x = normalised(self._part.x.index_select(0, chosen), self._preprocessing)
        if self._augment.crop or self._augment.flip:
            border = torch.from_numpy(self._preprocessing.shift)
            x = augmented(x, self._augment, border, seed_for(self._seed, "augment", self._replicate, step))
        return x, self._part.y.index_select(0, chosen)
