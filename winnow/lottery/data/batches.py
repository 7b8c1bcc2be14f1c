"""Batches by absolute step: an index selection, then normalisation and augmentation, batched on the device."""

from collections.abc import Iterator

import torch
from torch import Tensor

from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.seeds import seed_for
from winnow.contract.specs.training import Augment
from winnow.lottery.data.augment import augmented
from winnow.lottery.data.images import AnyPart
from winnow.lottery.data.normalise import Normalisation
from winnow.lottery.distributed.ranks import Ranks, Share


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Steps in which every image is seen once; the last batch may be smaller."""
    return -(-images // batch_size)


def order(seed: int, replicate: int, epoch: int, images: int, copy: int = 0) -> Tensor:
    """The order in which an epoch sees its images: indices, int64, on the CPU. Arms and levels do not enter.

    A `copy` above 0 sees another one: what the instability test compares (Frankle et al. 2020, arXiv:1912.05671).
    """
    generator = torch.Generator().manual_seed(seed_for(seed, "order", replicate, epoch, copy=copy))
    return torch.randperm(images, generator=generator)


def in_order(part: AnyPart, preprocessing: Preprocessing, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The images of a split as they lie, normalised, with their labels: for measuring. Each holds until the next."""
    normalise = Normalisation(preprocessing, part.device)
    for x, y in part.in_order(batch_size):
        yield normalise(x), y


class Batches:
    """The training batches of one replicate: what `at(step)` gives depends on seed, replicate, copy and step alone."""

    def __init__(  # noqa: PLR0913 - all that a batch depends on, and nothing else
        self,
        part: AnyPart,
        preprocessing: Preprocessing,
        *,
        batch_size: int,
        seed: int,
        replicate: int,
        augment: Augment,
        copy: int = 0,
        ranks: Ranks | None = None,
    ) -> None:
        self._places = _Places(part.y.device, len(part), batch_size, (seed, replicate, copy), ranks)
        self.steps_per_epoch = self._places.steps_per_epoch
        self._seed = seed
        self._replicate = replicate
        self._augment = augment
        self._copy = copy
        self._normalise = Normalisation(preprocessing, part.device)
        # Asks the places, not this object: in a circle they would keep the data set until it is looked for.
        self._batch = part.batches(self._places.of)

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Images float32 B×C×H×W and labels int64 B of an absolute step from 0 on. They hold until the next.

        Of several processes each gets its share: the images, changed by the draws, of its place in the whole batch.
        """
        x, y = self._batch(step)
        if self._augment.crop or self._augment.flip:
            seed = seed_for(self._seed, "augment", self._replicate, step, copy=self._copy)
            x = augmented(x, self._augment, seed, self._places.share(step))
        return self._normalise(x), y

    def size(self, step: int) -> int:
        """The images of the batch of an absolute step, in all processes."""
        return self._places.size(step)


class _Places:
    """Where the images of a step lie in the training split."""

    def __init__(
        self, device: torch.device, images: int, batch_size: int, draw: tuple[int, int, int], ranks: Ranks | None
    ) -> None:
        """`draw`: seed, replicate and copy of the order."""
        self.steps_per_epoch = steps_per_epoch(images, batch_size)
        self._device = device
        self._images = images
        self._batch_size = batch_size
        self._draw = draw
        self._ranks = ranks
        self._epoch = -1
        self._indices: tuple[Tensor, ...] = ()

    def size(self, step: int) -> int:
        place = step % self.steps_per_epoch
        return min(self._batch_size, self._images - place * self._batch_size)

    def share(self, step: int) -> Share | None:
        return None if self._ranks is None else self._ranks.share(self.size(step))

    def of(self, step: int) -> Tensor:
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            seed, replicate, copy = self._draw
            indices = order(seed, replicate, epoch, self._images, copy)
            self._epoch, self._indices = epoch, torch.split(indices.to(self._device), self._batch_size)
        share = self.share(step)
        return self._indices[place] if share is None else self._indices[place][share.images]
