"""A ticket found on the target of a transfer itself, as the model was found: what a carried one is held against."""

from collections.abc import Iterator

from winnow.contract.inputs import LevelInputs, TrainInputs
from winnow.contract.problems import InvalidSpec
from winnow.contract.units import Unit
from winnow.plan.chains import common
from winnow.plan.checks import check_last_rate
from winnow.plan.resolved import Resolved
from winnow.plan.sources import begins, is_sparse


def own_chain(job: Resolved, replicate: int) -> Iterator[Unit]:
    """A dense training on the target, then the levels that the model went through, with its criterion, scope and rates.

    The last one is the ticket. It begins as the model once began, with fresh values or with the same dense model. These
    are the very units that a prune job with the same settings has.
    """
    found = _way(job)
    own = common(job, replicate)
    batch = job.training.train.batch_size
    trained = TrainInputs(**own, keep_steps=(found.retrain.step,), **begins(_origin(job), job.facts))
    dense = Unit(inputs=trained, dataset=job.dataset, cost=job.steps * batch)
    yield dense
    parent = dense
    left = job.steps - (0 if found.retrain.lr == "restart" else found.retrain.step)
    for depth in range(1, found.depth + 1):
        changes = {"start": dense.key, "parent": parent.key, "depth": depth, "skipped": None}  # the dense run is fresh
        cut = found.cut if depth == found.depth else None
        inputs = found.model_copy(update=own | changes | {"cut": cut})
        parent = Unit(inputs=inputs, dataset=job.dataset, cost=left * batch)
        yield parent


def check_way(job: Resolved) -> None:
    """Refuse a ticket of one's own where the model was not found by pruning, or not within this budget.

    Raises InvalidSpec.
    """
    if not isinstance(job.source[0].inputs, LevelInputs):
        raise InvalidSpec(
            "The model is no level of a prune job, so nothing says how its own_ticket is found. Leave it out."
        )
    found = _way(job)
    _origin(job)
    step = max(found.retrain.step, found.ramp.end if found.ramp else 0)
    if step >= job.steps:
        raise InvalidSpec(
            f"The model was found with something still to come at step {step}, but training ends at step {job.steps} "
            "here: there is no own_ticket. Train longer, or leave it out."
        )
    if found.retrain.lr == "last":
        check_last_rate(job)


def _origin(job: Resolved) -> Unit | None:
    """The dense model that it all began with, through tickets of tickets; None where that was a fresh network."""
    by_key, model = {unit.key: unit for unit in job.source}, job.source[0]
    while isinstance(model.inputs, LevelInputs):
        dense = by_key[model.inputs.start]
        if "model" not in dense.parents:
            return None
        model = by_key[dense.parents["model"]]
    if is_sparse(model):
        raise InvalidSpec(
            "The model's pruning began with a network that was sparse when it came, so nothing says how its own_ticket "
            "is found. Leave it out."
        )
    return model


def _way(job: Resolved) -> LevelInputs:
    inputs = job.source[0].inputs
    assert isinstance(inputs, LevelInputs)  # noqa: S101 - `check_way` has looked
    return inputs
