"""Images and labels: what is loaded, and the three splits it is cut into."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from winnow.artifact.preprocessing import Preprocessing
from winnow.lottery.data.statistics import measured
from winnow.lottery.data.streamed import Streamed
from winnow.lottery.distributed.ranks import Ranks


@dataclass(frozen=True)
class Part:
    """Images that belong together, in memory: `x` uint8 N×C×H×W, contiguous, and `y` int64 class indices.

    `x` may be features instead, float32. Whoever takes a part, resident or streamed, uses what both have.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    @property
    def device(self) -> torch.device:
        """Where images are given out."""
        return self.x.device

    @property
    def are_features(self) -> bool:
        """Whether it holds features for images."""
        return self.x.is_floating_point()

    def to(self, device: torch.device | str) -> "Part":
        """The same images, resident on a device."""
        return Part(self.x.to(device), self.y.to(device))

    def only(self, index: Tensor) -> "Part":
        """The images at these places, in this order."""
        return Part(self.x.index_select(0, index), self.y.index_select(0, index))

    def labelled(self, y: Tensor) -> "Part":
        """The same images with other labels."""
        return Part(self.x, y)

    def measured(self) -> Preprocessing:
        """Mean and standard deviation of their pixels."""
        return measured(self.x)

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of pixels and labels, as they lie."""
        return zip(torch.split(self.x, batch_size), torch.split(self.y, batch_size), strict=True)

    def batches(self, chosen: Callable[[int], Tensor]) -> Callable[[int], tuple[Tensor, Tensor]]:
        """Pixels and labels of any batch, `chosen(number)` being the places of its images. They hold until the next."""
        room = self.x[:0]

        def at(number: int) -> tuple[Tensor, Tensor]:
            nonlocal room
            index = chosen(number)
            if len(room) < len(index):
                room = self.x.new_empty((len(index), *self.x.shape[1:]))
            x = torch.index_select(self.x, 0, index, out=room[: len(index)])
            return x, self.y.index_select(0, index)

        return at


AnyPart = Part | Streamed


@dataclass(frozen=True)
class Images:
    """A data set as it is kept: what training may use, and the official test set where there is one."""

    train: AnyPart
    test: AnyPart | None


@dataclass(frozen=True)
class Split:
    """The three splits, the preprocessing measured on the first of them, and each class's superclass, if any.

    `ranks`: the processes that share each training batch; none where one has it all.
    """

    train: AnyPart
    validation: AnyPart
    test: AnyPart
    preprocessing: Preprocessing
    superclasses: tuple[int, ...] | None = None
    ranks: Ranks | None = None

    def to(self, device: torch.device | str) -> "Split":
        """The same splits, on a device."""
        train, validation, test = (part.to(device) for part in (self.train, self.validation, self.test))
        return replace(self, train=train, validation=validation, test=test)
