"""Data sets as resident tensors: loaded, split in three, batched by step."""

from winnow.lottery.data.batches import Batches, in_order, order, steps_per_epoch
from winnow.lottery.data.images import Images, Part, Split
from winnow.lottery.data.load import load
from winnow.lottery.data.split import split

__all__ = ["Batches", "Images", "Part", "Split", "in_order", "load", "order", "split", "steps_per_epoch"]
