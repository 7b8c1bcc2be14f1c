"""What retraining starts from: the state at k, or the weights that training ended with."""

from decimal import Decimal

from winnow.artifact.weights import read_weights
from winnow.contract.recipes import Milestones, Recipe, Retrain
from winnow.lottery.lr_schedules import learning_rate
from winnow.lottery.state import State, read_state
from winnow.lottery.workspace import Workspace


def kept_state(workspace: Workspace, retrain: Retrain, trained: str) -> State:
    """The dense run's state at the rewind point, as its train unit kept it; or what the role `trained` ended with."""
    if retrain.weights == "rewound":
        return read_state(workspace.inputs[f"start/state-{retrain.step}.safetensors"])
    return State(0, read_weights(workspace.inputs[f"{trained}/weights.safetensors"]), {})


def rewound(kept: State, retrain: Retrain) -> State:
    """All parameters and buffers as kept, the optimizer's state at k or none, the schedule at k or at its start."""
    return State(
        step=kept.step if retrain.lr == "resume" else 0,
        network=kept.network,
        optimizer=kept.optimizer if retrain.optimizer == "restore" else {},
    )


def retraining_recipe(recipe: Recipe, retrain: Retrain) -> Recipe:
    """The recipe with the rates of retraining: its own, or the last one throughout (fine-tuning)."""
    if retrain.lr != "last":
        return recipe
    last = Decimal(str(learning_rate(recipe, recipe.steps - 1)))
    optimizer = recipe.optimizer.model_copy(update={"lr": last})
    return recipe.model_copy(update={"optimizer": optimizer, "lr_schedule": Milestones(), "warmup": 0})
