"""The unit `evaluate`: a model as it is, with its own preprocessing, on the test images of a data set."""

import math
from dataclasses import replace

import torch

from winnow.artifact.header import Header
from winnow.artifact.masks import read_masks
from winnow.artifact.weights import read_tensors
from winnow.contract.datasets import DatasetFacts
from winnow.contract.inputs import EvaluateInputs
from winnow.contract.problems import Reason
from winnow.contract.results import Metrics, UnitResult
from winnow.contract.units import Unit
from winnow.lottery.architectures import build, placed
from winnow.lottery.data.images import Split
from winnow.lottery.evaluation import full_score
from winnow.lottery.state import load_network
from winnow.lottery.units import evidence
from winnow.lottery.units.outcome import untrained
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import UnitFailed, Workspace


def evaluate(unit: Unit, inputs: EvaluateInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Every test image once; the data set's classes are called as the model calls them."""
    weights, metadata = read_tensors(workspace.inputs["model/weights.safetensors"])
    masks = read_masks(workspace.inputs["model/mask.safetensors"])
    split = _as_the_model_sees_it(inputs, warm.split(unit, workspace), Header.of_metadata(metadata), unit.facts.whole)
    network = build(*unit.network)
    load_network(network, weights)
    placed(network, split.test.device)
    found = full_score(network, split.test, split, lambda: workspace.progress(0, 1))
    if not math.isfinite(found.loss):
        raise UnitFailed(
            Reason.USER_ERROR,
            "The model answers test images with numbers that are not finite: nothing can be measured. Look at its "
            "weights, and at the mean and standard deviation that its images are normalised by.",
        )
    workspace.progress(1, 1)
    known = untrained(unit.network, network, masks, (evidence.values_zero(weights, masks),), inputs.resource)
    return known.model_copy(update={"metrics": Metrics(test=found)})


def _as_the_model_sees_it(inputs: EvaluateInputs, split: Split, header: Header, facts: DatasetFacts) -> Split:
    labels = torch.tensor(inputs.labels, device=split.test.y.device)
    return replace(
        split,
        test=split.test.labelled(labels[split.test.y]),
        preprocessing=header.preprocessing,
        superclasses=_superclasses(header.classes, facts),
    )


def _superclasses(classes: tuple[str, ...], facts: DatasetFacts) -> tuple[int, ...] | None:
    """Of each class of the model, by name; None where the data set has none, or does not know a class."""
    known = dict(zip(facts.classes, facts.superclasses or (), strict=False))
    found = [known[name] for name in classes if name in known]
    return tuple(found) if len(found) == len(classes) else None
