"""Going back to k: what retraining starts from."""

from winnow.contract.units import Retrain
from winnow.lottery.state import State, read_state
from winnow.lottery.workspace import Workspace


def state_at_k(workspace: Workspace, retrain: Retrain) -> State:
    """The dense run's state at the rewind point, as its train unit kept it."""
    return read_state(workspace.inputs[f"start/state-{retrain.step}.safetensors"])


def rewound(kept: State, retrain: Retrain) -> State:
    """All parameters and buffers at k, with the optimizer's state at k or none; the schedule at k or at its start."""
    return State(
        step=kept.step if retrain.lr == "resume" else 0,
        network=kept.network,
        optimizer=kept.optimizer if retrain.optimizer == "restore" else {},
    )
