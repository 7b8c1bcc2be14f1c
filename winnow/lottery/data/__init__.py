"""Data sets as resident tensors, or streamed from their files: loaded, split in three, batched by step."""

from winnow.lottery.data.batches import Batches, in_order, order, steps_per_epoch
from winnow.lottery.data.images import AnyPart, Images, Part, Split
from winnow.lottery.data.load import load, stream
from winnow.lottery.data.split import split

__all__ = [
    "AnyPart",
    "Batches",
    "Images",
    "Part",
    "Split",
    "in_order",
    "load",
    "order",
    "split",
    "steps_per_epoch",
    "stream",
]
