"""The unit `transfer`: a model's network, or its ticket's, trained on other images.

Yosinski et al. 2014, arXiv:1411.1792; tickets on other data sets: Morcos et al. 2019, arXiv:1906.02773; Mehta 2019,
arXiv:1905.07785.
"""

from winnow.contract.inputs import TransferInputs
from winnow.contract.results import Check, UnitResult
from winnow.contract.units import Unit
from winnow.lottery.fitting import fit
from winnow.lottery.state import State, network_arrays
from winnow.lottery.training import Training
from winnow.lottery.units import evidence
from winnow.lottery.units.beginning import beginning
from winnow.lottery.units.features import FILE, read_features
from winnow.lottery.units.outcome import result, write_model
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace


def transfer(unit: Unit, inputs: TransferInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Begin as the inputs say, train what is to be trained over the whole schedule, and leave a model."""
    begun = beginning(inputs, workspace)
    start = State(0, begun.values, {})
    split = begun.split(warm.split(unit, workspace))
    if f"features/{FILE}" in workspace.inputs:
        split = read_features(workspace.inputs[f"features/{FILE}"], split)
    training = Training(inputs.recipe, split, start, begun.masks, inputs.trainable)
    checks: tuple[Check, ...] = (evidence.state_restored(training, start, begun.masks),)
    if inputs.begin.mask == "shuffled":
        checks += (*evidence.control_mask(begun.masks, begun.ticket), *begun.whole)

    metrics = fit(training, (), workspace)
    checks += (evidence.masked_weights_zero(training, begun.masks),)
    if inputs.trainable is not None:
        trained = set(training.optimizer.names)
        checks += (evidence.frozen_unchanged(begun.values, network_arrays(training.network), trained),)
    write_model(unit, workspace, training, begun.masks, warm.graph(unit))
    return result(training, metrics, begun.masks, checks, steps_before=0)
