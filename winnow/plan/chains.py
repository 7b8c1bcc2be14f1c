"""The units of a job, in the order of its needs: the chain of each replicate first, then its controls."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from winnow.contract.inputs import ControlInputs, Inputs, LevelInputs, StabilityInputs, TrainInputs
from winnow.contract.recipes import Recipe, Retrain
from winnow.contract.results import TensorCount, UnitResult
from winnow.contract.specs.jobs import Control, PruneSpec
from winnow.contract.specs.sweep import MOST_POINTS
from winnow.contract.units import Unit
from winnow.plan.counts import Step, grid_sparsity, steps_at_rate, steps_by_layer
from winnow.plan.densities import levels_to, steps_to
from winnow.plan.place import Place
from winnow.plan.resolved import Resolved
from winnow.plan.sources import begins, is_sparse
from winnow.plan.stability import rewind_points

FROM_THE_START = Retrain(step=0, optimizer="restore", lr="resume")


# A job asks for its places several times at each of its units, and naming a unit is a hash over all its inputs.
@lru_cache(maxsize=MOST_POINTS)
def chains(resolved: str, steps: tuple[Step, ...]) -> tuple[Place, ...]:
    """Every unit of a job that trains, given as its JSON, down to the last of these levels."""
    job = Resolved.model_validate_json(resolved)
    source = [Place(0, "source", 0, unit) for unit in job.source[:1]]
    if not isinstance(job.spec, PruneSpec):
        return (*source, Place(0, "dense", 0, _train(job, 0)))
    trains = [_train(job, r) for r in range(job.spec.replicates)]
    dense = [*source, *(Place(0, "dense", r, unit) for r, unit in enumerate(trains))]
    tickets = [place for r, unit in enumerate(trains) for place in _chain(job, job.spec, r, unit, steps)]
    by_level = sorted(tickets, key=lambda place: (place.level, place.replicate))
    controls = [_control(job, arm, place, trains[place.replicate]) for place in by_level for arm in job.spec.controls]
    return (*dense, *by_level, *controls)


def _sizes(job: Resolved, spec: PruneSpec, results: Mapping[str, UnitResult]) -> tuple[TensorCount, ...]:
    """The prunable tensors, from the first replicate that is trained; none before that."""
    keys = (_train(job, replicate).key for replicate in range(spec.replicates))
    tensors = next((results[key].tensors for key in keys if key in results), ())
    return tuple(tensor for tensor in tensors if tensor.name not in spec.method.scope.exclude)


@lru_cache(maxsize=MOST_POINTS)
def instability_test(resolved: str) -> tuple[Unit, ...]:
    """The whole test of a job, given as its JSON: a dense training that keeps states, and a copy from each of them."""
    job = Resolved.model_validate_json(resolved)
    shared, points = common(job, 0), rewind_points(job.steps)
    dense = _unit(job, TrainInputs(**shared, keep_steps=points, **begins(job.model, job.facts)), FROM_THE_START)
    copied = shared | {"recipe": shared["recipe"].model_copy(update={"copy_number": 1})}
    masked = "start" if job.model is not None and is_sparse(job.model) else None
    copies = [StabilityInputs(**copied, start=dense.key, step=step, mask=masked) for step in points]
    return (dense, *(_unit(job, copy, FROM_THE_START.model_copy(update={"step": copy.step})) for copy in copies))


def fixed_steps(job: Resolved, spec: PruneSpec, results: Mapping[str, UnitResult]) -> tuple[Step, ...]:
    """The levels of a job of which no result decides how many they are; none while rates by layer wait for counts."""
    rates, densities = job.rates, spec.method.scope.densities
    if densities is not None:
        return steps_to(levels_to(densities, spec.method))
    if rates is None:
        return steps_to(1)
    if not isinstance(rates, dict):
        steps = steps_at_rate(rates, job.sparsity)
        sparse = job.model is not None and is_sparse(job.model)
        return _below(job.source[0], rates, steps, spec, results) if sparse else steps
    sizes = _sizes(job, spec, results)
    return steps_by_layer(sizes, rates, job.sparsity) if sizes else ()


def _below(
    model: Unit, rate: Decimal, steps: tuple[Step, ...], spec: PruneSpec, results: Mapping[str, UnitResult]
) -> tuple[Step, ...]:
    """The levels that mask more than the model does already; none until that is known.

    One at least: the last, which then masks nothing more.
    """
    if model.key not in results:
        return ()
    tensors = [tensor for tensor in results[model.key].tensors if tensor.name not in spec.method.scope.exclude]
    masked = Fraction(sum(tensor.zeros for tensor in tensors), sum(tensor.size for tensor in tensors))
    more = tuple(step for step in steps if (step.cut or grid_sparsity(rate, step.depth)) > masked)
    return more or steps[-1:]


def _chain(job: Resolved, spec: PruneSpec, replicate: int, train: Unit, steps: Sequence[Step]) -> list[Place]:
    chain, parent = [], train
    skipped = steps[0].depth - 1 if steps and job.retrain.weights == "trained" else 0
    for step in steps:
        inputs = LevelInputs(
            **common(job, replicate),
            start=train.key,
            parent=parent.key,
            criterion=spec.method.criterion,
            scope=spec.method.scope,
            granularity=spec.method.granularity,
            rates=job.rates,
            depth=step.depth,
            skipped=skipped or None,
            cut=step.cut,
            ramp=job.ramp,
            retrain=job.retrain,
        )
        parent = _unit(job, inputs, job.retrain)
        chain.append(Place(step.depth, "ticket", replicate, parent))
    return chain


def _control(job: Resolved, arm: Control, ticket: Place, train: Unit) -> Place:
    own = {
        "random_reinit": FROM_THE_START,
        "fine_tuned": Retrain(weights="trained", step=0, optimizer="fresh", lr="last"),
    }
    retrain = own.get(arm, job.retrain)
    inputs = ControlInputs(
        **common(job, ticket.replicate),
        arm=arm,
        start=train.key,
        level=ticket.unit.key,
        granularity=job.spec.method.granularity if isinstance(job.spec, PruneSpec) else None,
        depth=ticket.level,
        retrain=retrain,
    )
    return Place(ticket.level, arm, ticket.replicate, _unit(job, inputs, retrain))


def _train(job: Resolved, replicate: int) -> Unit:
    inputs = TrainInputs(**common(job, replicate), keep_steps=(job.retrain.step,), **begins(job.model, job.facts))
    return _unit(job, inputs, FROM_THE_START)


def _unit(job: Resolved, inputs: Inputs, retrain: Retrain) -> Unit:
    steps = job.steps - (0 if retrain.lr == "restart" else retrain.step)
    return Unit(inputs=inputs, dataset=job.dataset, cost=steps * job.training.train.batch_size)


def common(job: Resolved, replicate: int) -> dict[str, Any]:
    """What the inputs of every unit that trains in a replicate of a job have in common."""
    how = {"threads": job.training.threads, "processes": job.training.processes, "resource": job.resource}
    return {"recipe": recipe_of(job, replicate), **how}


def recipe_of(job: Resolved, replicate: int) -> Recipe:
    """How one replicate of a job is trained."""
    spec, facts = job.training, job.facts
    train = spec.train
    return Recipe(
        fingerprint=facts.fingerprint,
        subset=facts.subset,
        fraction=facts.fraction,
        architecture=job.architecture,
        classes=len(facts.classes),
        channels=facts.channels,
        size=facts.size,
        init=train.init,
        optimizer=train.optimizer,
        lr_schedule=job.lr_schedule,
        warmup=job.warmup,
        batch_size=train.batch_size,
        steps=job.steps,
        augment=train.augment,
        dropout=spec.model.dropout,
        label_smoothing=train.label_smoothing,
        clip=train.clip,
        precision=None if train.precision == "float32" else train.precision,
        patience=train.early_stopping.patience if train.early_stopping else None,
        seed=spec.seed,
        replicate=replicate,
    )
