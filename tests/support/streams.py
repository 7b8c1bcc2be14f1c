"""Data sets of image files, streamed and resident side by side."""

from pathlib import Path
from typing import Any

import torch

from tests.support.folders import NAME
from winnow.contract.datasets import DatasetFacts
from winnow.contract.specs.choices import DatasetChoice
from winnow.lottery.data import AnyPart, Split, load, split, stream
from winnow.lottery.data.decoders import Decoders
from winnow.lottery.units import Warm
from winnow.plan.dataset_choice import chosen

SMALL = DatasetChoice(name=NAME, size=(8, 10))


def streaming(data_dir: Path, processes: int = 2) -> Warm:
    return Warm(data_dir, resident_bytes=0, decoders=processes)


def both(facts: DatasetFacts, data_dir: Path, decoders: Decoders, **choice: Any) -> tuple[Split, Split]:
    taken = chosen(DatasetChoice(**{"name": NAME, "size": (8, 10)} | choice), facts)
    return split(load(taken, data_dir), taken, 3), split(stream(taken, data_dir, decoders), taken, 3)


def pictures(part: AnyPart, batch_size: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    found = [(x.clone(), y) for x, y in part.in_order(batch_size)]
    x, y = (torch.cat(parts) for parts in zip(*found, strict=True))
    return x, y
