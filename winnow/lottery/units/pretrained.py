"""The unit `pretrained`: weights that torchvision's authors publish, made a model like any other."""

import re

from torch import Tensor

from winnow.artifact.brought import brought_masks, fitted
from winnow.artifact.weights import Array
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.tensors import tensors
from winnow.contract.inputs import PretrainedInputs
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.conversion import read_state
from winnow.lottery.published import published
from winnow.lottery.units.outside import made
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace

AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""Heads of GoogLeNet and Inception that only training on ImageNet needed."""

_DENSENET = re.compile(r"(?<=\.)(norm|relu|conv)\.([12])(?=\.)")
"""Names of DenseNet's layers as they were before PyTorch 0.4, of which its file is."""


def pretrained(unit: Unit, inputs: PretrainedInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Fetch the file unless it is at hand, and match its tensors with the architecture's."""
    workspace.progress(0, 1)
    found = _present(read_state(published(inputs.file, warm.data_dir)))
    weights = fitted(found, tensors(*unit.network))
    masks = brought_masks(weights, [name for name, _ in ARCHITECTURES[inputs.architecture].layers], None, None)
    result = made(unit, weights, masks, workspace, warm)
    workspace.progress(1, 1)
    return result


def _present(state: dict[str, Tensor]) -> dict[str, Array]:
    """The tensors by the names of today."""
    return {
        _DENSENET.sub(r"\1\2", name): tensor.numpy() for name, tensor in state.items() if not name.startswith(AUXILIARY)
    }
