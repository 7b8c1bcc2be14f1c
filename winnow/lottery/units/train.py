"""The unit `train`: a network from its first weights, fresh or carried, to trained ones; it keeps states on the way."""

import numpy as np

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.inputs import TrainInputs
from winnow.contract.results import UnitResult
from winnow.contract.seeds import seed_for
from winnow.contract.units import Unit
from winnow.lottery.fitting import fit
from winnow.lottery.inits import initial
from winnow.lottery.state import Arrays, State
from winnow.lottery.training import Training
from winnow.lottery.units import evidence
from winnow.lottery.units.beginning import beginning
from winnow.lottery.units.outcome import result, write_model
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import Workspace


def train(unit: Unit, inputs: TrainInputs, workspace: Workspace, warm: Warm) -> UnitResult:
    """Initialise, train, keep the states at k, and leave a model that masks no more than what it began with."""
    recipe, split, begun = inputs.recipe, warm.split(unit, workspace), None
    if inputs.begin is None:
        values: Arrays = initial(recipe, seed_for(recipe.seed, "init", recipe.replicate))
    else:
        begun = beginning(inputs, workspace)
        values, split = begun.values, begun.split(split)
    training = Training(recipe, split, State(0, values, {}), begun.masks if begun else {})
    metrics = fit(training, inputs.keep_steps, workspace)

    for step, state in training.kept.items():
        state.write(workspace.outputs / f"state-{step}.safetensors")
    graph = warm.graph(unit)
    (workspace.outputs / "graph.onnx").write_bytes(graph)
    masks = {name: np.ones_like(values[name], dtype=np.bool_) for name, _ in ARCHITECTURES[recipe.architecture].layers}
    masks |= begun.masks if begun else {}
    write_model(unit, workspace, training, masks, graph)
    checks = (evidence.masked_weights_zero(training, begun.masks),) if begun else ()
    return result(training, metrics, masks, checks, steps_before=0)
