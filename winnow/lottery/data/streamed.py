"""Images that do not fit into memory: decoded from their files when they are wanted, a few batches ahead.

What comes out is, to the bit, what resident images give. Each file is held against its SHA-256 whenever it is read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from winnow.artifact.preprocessing import Preprocessing
from winnow.artifact.uploads import unchanged
from winnow.artifact.uploads.decoder import DIGEST
from winnow.artifact.uploads.fingerprint import Fingerprint
from winnow.artifact.uploads.layout import places
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import Conflict
from winnow.lottery.data.ahead import Ahead
from winnow.lottery.data.decoders import Coming, Decoders, Form
from winnow.lottery.data.sending import sent
from winnow.lottery.data.statistics import histograms, preprocessing_of

IMAGES_AT_ONCE = 100
"""While all files are gone through."""

_HOST = torch.device("cpu")


class Source:
    """The files of a folder, in the order of the fingerprint, and who decodes them."""

    def __init__(self, facts: DatasetFacts, form: Form, paths: tuple[str, ...], decoders: Decoders) -> None:
        self._facts = facts
        self._form = form
        self._paths = paths
        self._decoders = decoders
        self._digests = np.empty((0, DIGEST), dtype=np.uint8)

    def ask(self, rows: Tensor) -> Coming:
        """Have the images at these places decoded."""
        return self._decoders.ask(self._form, [self._paths[row] for row in rows.tolist()])

    def take(self, coming: Coming, rows: Tensor) -> Tensor:
        """The images of these places, which were asked for: uint8 N×C×H×W.

        Raises InvalidFile where one cannot be had, Conflict where it is not what it was when all were gone through.
        """
        coming.awaited(self._decoders.beat)
        if len(self._digests):
            for row in rows[(coming.digests != self._digests[rows.numpy()]).any(axis=1)].tolist():
                raise Conflict(
                    f"{self._paths[row]!r} of data set {self._facts.name!r} has changed since the unit began: put the "
                    "old file back, or submit the job again"
                )
        return torch.from_numpy(coming.pixels)

    def measured(self, rows: Tensor) -> Preprocessing:
        """Mean and standard deviation of the images at these places, from one pass over all files.

        That every image can be decoded and that the fingerprint is that of the facts is found by the way, before
        anything is trained: raises InvalidFile, or Conflict.
        """
        wanted = torch.zeros(len(self._paths), dtype=torch.bool)
        wanted[rows] = True
        self._digests = np.empty((0, DIGEST), dtype=np.uint8)
        digests: list[NDArray[np.uint8]] = []
        counts = torch.zeros(self._form.channels, 256, dtype=torch.int64)
        batches = torch.split(torch.arange(len(self._paths)), IMAGES_AT_ONCE)
        with Ahead(batches.__getitem__, self.ask, len(batches)) as ahead:
            for number in range(len(batches)):
                self._decoders.beat()  # which awaiting calls only where it must wait
                batch, coming = ahead.take(number)
                counts += histograms(self.take(coming, batch)[wanted[batch]])
                digests.append(coming.digests)
        found = np.concatenate(digests)
        unchanged(self._facts, self._fingerprint(found))
        self._digests = found
        return preprocessing_of(counts, (self._form.height, self._form.width))

    def _fingerprint(self, digests: NDArray[np.uint8]) -> str:
        fingerprint = Fingerprint("files")
        for place, digest in zip(places(self._paths), digests, strict=True):
            fingerprint.add(*place, digest.tobytes().hex())
        return fingerprint.hexdigest()


@dataclass(frozen=True)
class Streamed:
    """Images that belong together, in files; as `winnow.lottery.data.images.Part` to whoever looks at them.

    `rows` are their places among the files, `y` their class indices, both int64 in main memory. What is given out is on
    `device`.
    """

    source: Source
    rows: Tensor
    y: Tensor
    device: torch.device = _HOST

    are_features: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.y)

    def to(self, device: torch.device | str) -> "Streamed":
        """The same images, to be given out on a device."""
        return replace(self, device=torch.device(device))

    def only(self, index: Tensor) -> "Streamed":
        """The images at these places, in this order."""
        return replace(self, rows=self.rows[index], y=self.y[index])

    def labelled(self, y: Tensor) -> "Streamed":
        """The same images with other labels."""
        return replace(self, y=y)

    def measured(self) -> Preprocessing:
        """Mean and standard deviation of their pixels."""
        return self.source.measured(self.rows)

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of pixels and labels, as they lie."""
        places = torch.split(torch.arange(len(self)), batch_size)
        with Ahead(places.__getitem__, self._ask, len(places)) as ahead:
            for number in range(len(places)):
                yield self._taken(*ahead.take(number))

    def batches(self, chosen: Callable[[int], Tensor]) -> Callable[[int], tuple[Tensor, Tensor]]:
        """Pixels and labels of any batch, `chosen(number)` being the places of its images."""
        ahead = Ahead(chosen, self._ask)
        return lambda number: self._taken(*ahead.take(number))

    def _ask(self, places: Tensor) -> Coming:
        return self.source.ask(self.rows[places])

    def _taken(self, places: Tensor, coming: Coming) -> tuple[Tensor, Tensor]:
        x = self.source.take(coming, self.rows[places])
        return sent(x, self.device), sent(self.y[places], self.device)
