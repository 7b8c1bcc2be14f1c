"""The unit `brought`: weights that somebody brings, made a model like any other."""

import numpy as np

from winnow.artifact.brought import brought_masks, read_brought
from winnow.artifact.model import write_model
from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.inputs import BroughtInputs
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.architectures import build
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
    prunable = [name for name, _ in ARCHITECTURES[inputs.architecture].layers]
    masks = brought_masks(weights, prunable, inputs.zeros, workspace.inputs.get("mask"))
    values = {
        name: np.where(masks[name], array, np.float32(0)) if name in masks else array for name, array in weights.items()
    }

    graph = warm.graph(unit)
    (workspace.outputs / "graph.onnx").write_bytes(graph)
    write_model(workspace.outputs, graph, header(unit, _preprocessing(inputs)), masks, values)
    workspace.progress(1, 1)
    return untrained(unit.network, network, masks, (evidence.values_zero(values, masks),), inputs.resource)


def _preprocessing(inputs: BroughtInputs) -> Preprocessing:
    return Preprocessing(
        channels=inputs.channels,
        size=inputs.size,
        mean=tuple(map(float, inputs.mean)),
        std=tuple(map(float, inputs.std)),
    )
