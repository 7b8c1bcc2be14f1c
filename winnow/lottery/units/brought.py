"""The unit `brought`: weights that somebody brings, made a model like any other."""

from winnow.artifact.brought import brought_masks, read_brought
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.tensors import tensors
from winnow.contract.inputs import BroughtInputs
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.units.outside import made
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace


def brought(unit: Unit, inputs: BroughtInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Match the tensors with the architecture's, and mask what is said to be masked."""
    workspace.progress(0, 1)
    weights = read_brought(workspace.inputs["weights"], tensors(*unit.network))
    prunable = [name for name, _ in ARCHITECTURES[inputs.architecture].layers]
    masks = brought_masks(weights, prunable, inputs.zeros, workspace.inputs.get("mask"))
    result = made(unit, weights, masks, workspace, warm)
    workspace.progress(1, 1)
    return result
