"""Images and labels as tensors: what is loaded, and the three splits it is cut into."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from winnow.artifact.preprocessing import Preprocessing
from winnow.lottery.distributed.ranks import Ranks


@dataclass(frozen=True)
class Part:
    """Images that belong together: `x` uint8 N×C×H×W, contiguous, and `y` int64 class indices."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def to(self, device: torch.device | str) -> "Part":
        """The same images, resident on a device."""
        return Part(self.x.to(device), self.y.to(device))


@dataclass(frozen=True)
class Images:
    """A data set as it is kept: what training may use, and the official test set where there is one."""

    train: Part
    test: Part | None


@dataclass(frozen=True)
class Split:
    """The three splits, the preprocessing measured on the first of them, and each class's superclass, if any.

    `ranks`: the processes that share each training batch; none where one has it all.
    """

    train: Part
    validation: Part
    test: Part
    preprocessing: Preprocessing
    superclasses: tuple[int, ...] | None = None
    ranks: Ranks | None = None

    def to(self, device: torch.device | str) -> "Split":
        """The same splits, resident on a device."""
        train, validation, test = (part.to(device) for part in (self.train, self.validation, self.test))
        return replace(self, train=train, validation=validation, test=test)
