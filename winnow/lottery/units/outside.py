"""What units of weights from elsewhere have in common: the model that is made of them."""

from collections.abc import Mapping

import numpy as np

from winnow.artifact.masks import Mask
from winnow.artifact.model import write_model
from winnow.artifact.preprocessing import Preprocessing
from winnow.artifact.weights import Array
from winnow.contract.inputs import OutsideInputs
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.architectures import outline
from winnow.lottery.units import evidence
from winnow.lottery.units.outcome import header, untrained
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace


def made(
    unit: Unit,
    weights: Mapping[str, Array],
    masks: Mapping[str, Mask],
    workspace: Workspace,
    warm: Warm,
) -> UnitResult:
    """Put zeros under the mask, and write the files of a model."""
    assert isinstance(unit.inputs, OutsideInputs)  # noqa: S101 - the caller's mistake
    values = {
        name: np.where(masks[name], array, np.float32(0)) if name in masks else array for name, array in weights.items()
    }
    graph = warm.graph(unit)
    (workspace.outputs / "graph.onnx").write_bytes(graph)
    write_model(workspace.outputs, graph, header(unit, _preprocessing(unit.inputs)), masks, values)
    return untrained(
        unit.network, outline(*unit.network), masks, (evidence.values_zero(values, masks),), unit.inputs.resource
    )


def _preprocessing(inputs: OutsideInputs) -> Preprocessing:
    return Preprocessing(
        channels=inputs.channels,
        size=inputs.size,
        mean=tuple(map(float, inputs.mean)),
        std=tuple(map(float, inputs.std)),
    )
