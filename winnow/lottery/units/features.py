"""The unit `features`: what the frozen part of a network makes of every image, once for all that is trained on it.

Nothing is left where more than one tensor leaves the frozen part, or where the features would not fit into memory:
then whoever trains on them shows the images themselves to the whole network, with the same outcome but for rounding:
features are float32 whatever the precision of a training, and a training in bf16 goes through the whole network in it.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from winnow.artifact.weights import read_weights, write_weights
from winnow.contract.datasets import MAX_DECODED
from winnow.contract.inputs import FeaturesInputs
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.architectures import build, placed
from winnow.lottery.data.batches import in_order
from winnow.lottery.data.images import AnyPart, Part, Split
from winnow.lottery.freezing import cut, freeze
from winnow.lottery.state import Array, load_network
from winnow.lottery.units import evidence
from winnow.lottery.units.beginning import beginning
from winnow.lottery.units.outcome import untrained
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace

IMAGES_AT_ONCE = 100
FILE = "features.safetensors"


def features(unit: Unit, inputs: FeaturesInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Run every image through the frozen part, in evaluation mode."""
    begun = beginning(inputs, workspace)
    split = begun.split(warm.split(unit, workspace))
    network = placed(build(*inputs.recipe.network), split.train.device)
    load_network(network, begun.values)
    freeze(network, inputs.trainable)
    halves = cut(network, inputs.trainable)
    images, done = sum(map(len, _parts(split).values())), 0

    def beat(count: int) -> None:
        nonlocal done
        done += count
        workspace.progress(done, images)

    beat(0)
    if halves is not None and _fits(halves.before, split, images):
        found = {name: _through(halves.before, part, split, beat) for name, part in _parts(split).items()}
        labels = {f"{name}.y": part.y.cpu().numpy() for name, part in _parts(split).items()}
        write_weights(workspace.outputs / FILE, labels | {f"{name}.x": array for name, array in found.items()})
    workspace.progress(images, images)
    check = evidence.values_zero(begun.values, begun.masks)
    return untrained(inputs.recipe.network, network, begun.masks, (check,), inputs.resource)


def read_features(path: Path, split: Split) -> Split:
    """The split with features for images, on the device of its images."""
    arrays, device = read_weights(path), split.train.device
    tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    parts = {name: Part(tensors[f"{name}.x"], tensors[f"{name}.y"]) for name in _parts(split)}
    return replace(split, train=parts["train"], validation=parts["validation"], test=parts["test"])


def _parts(split: Split) -> dict[str, AnyPart]:
    return {"train": split.train, "validation": split.validation, "test": split.test}


def _fits(before: nn.Module, split: Split, images: int) -> bool:
    some = split.train.only(torch.zeros(1, dtype=torch.int64, device=split.train.y.device))
    return _through(before, some, split, lambda _count: None).nbytes * images <= MAX_DECODED


def _through(before: nn.Module, part: AnyPart, split: Split, beat: Callable[[int], None]) -> Array:
    found = []
    with torch.inference_mode():
        for images, labels in in_order(part, split.preprocessing, IMAGES_AT_ONCE):
            found.append(before(images).cpu().numpy())
            beat(len(labels))
    return np.concatenate(found)
