"""The unit `brought`: weights that somebody brings, made a model like any other."""

from collections.abc import Mapping

import numpy as np

from winnow.artifact.brought import read_brought, read_brought_masks
from winnow.artifact.model import write_model
from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.results import UnitResult
from winnow.contract.units import BroughtInputs, Unit
from winnow.lottery.architectures import build
from winnow.lottery.selection import Mask
from winnow.lottery.state import Array
from winnow.lottery.units import evidence
from winnow.lottery.units.outcome import header, untrained
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace


def brought(unit: Unit, inputs: BroughtInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Match the tensors with the architecture's, put zeros under the mask, and write the files of a model."""
    workspace.progress(0, 1)
    network = build(*unit.network)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    weights = read_brought(workspace.inputs["weights"], wanted)
    masks = _masks(inputs, workspace, weights)
    values = {
        name: np.where(masks[name], array, np.float32(0)) if name in masks else array for name, array in weights.items()
    }

    graph = warm.graph(unit)
    (workspace.outputs / "graph.onnx").write_bytes(graph)
    write_model(workspace.outputs, graph, header(unit, _preprocessing(inputs)), masks, values)
    workspace.progress(1, 1)
    return untrained(unit.network, network, masks, (evidence.values_zero(values, masks),), inputs.resource)


def _masks(inputs: BroughtInputs, workspace: Workspace, weights: Mapping[str, Array]) -> dict[str, Mask]:
    """What is masked: nothing, the zeros where it was said so, and what a mask file masks (trap 18)."""
    prunable = [name for name, _ in ARCHITECTURES[inputs.architecture].layers]
    masks = {name: np.ones(weights[name].shape, np.bool_) for name in prunable}
    if inputs.zeros == "masked":
        masks = {name: weights[name] != 0 for name in prunable}
    if "mask" in workspace.inputs:
        shapes = {name: weights[name].shape for name in prunable}
        read = read_brought_masks(workspace.inputs["mask"], shapes)
        masks = {name: mask & read[name] if name in read else mask for name, mask in masks.items()}
    return masks


def _preprocessing(inputs: BroughtInputs) -> Preprocessing:
    return Preprocessing(
        channels=inputs.channels,
        size=inputs.size,
        mean=tuple(map(float, inputs.mean)),
        std=tuple(map(float, inputs.std)),
    )
