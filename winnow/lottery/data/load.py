"""A data set as the facts describe it, from wherever it is kept."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from winnow.artifact.uploads import RawImages, fingerprint
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import Conflict
from winnow.lottery.data.digits import digits
from winnow.lottery.data.images import Images, Part


def load(facts: DatasetFacts, data_dir: Path | None = None, upload: Path | None = None) -> Images:
    """All images of a data set, uint8 N×C×H×W, in the order of the fingerprint.

    Raises Conflict where what is there is no longer what the facts say.
    """
    raw = digits()
    if fingerprint.of_raw(facts.classes, raw) != facts.fingerprint:
        raise Conflict(
            f"{facts.name} has changed: it no longer has the fingerprint {facts.fingerprint} that it had when the job "
            "was submitted; submit the job again to use what is there now"
        )
    return _images(raw)


def _images(raw: RawImages) -> Images:
    test = None if raw.x_test is None or raw.y_test is None else _part(raw.x_test, raw.y_test)
    return Images(_part(raw.x, raw.y), test)


def _part(x: NDArray[np.uint8], y: NDArray[np.int64]) -> Part:
    planes = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    return Part(torch.from_numpy(planes), torch.from_numpy(y))
