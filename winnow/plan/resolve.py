"""From what a user sent to what is done: defaults, data, method. What cannot be met is refused."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from winnow.contract.catalog.architectures import ARCHITECTURES, Architecture
from winnow.contract.catalog.criteria import CRITERIA
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.gradual import Gradual
from winnow.contract.specs.jobs import PruneSpec, TrainSpec
from winnow.contract.specs.pruning import Criterion, Iterative, Method, OneShot, Scope
from winnow.contract.specs.targets import Target
from winnow.contract.units import Unit
from winnow.plan.checks import check_budget, check_dropout, check_image, check_layers, check_rates, check_sparsity
from winnow.plan.counts import grid_sparsity, steps_at_rate
from winnow.plan.dataset_choice import chosen, settled_choice
from winnow.plan.densities import settled_densities
from winnow.plan.gradual import check_ramp
from winnow.plan.granularity import check_groups
from winnow.plan.knowing import known
from winnow.plan.resolved import Resolved
from winnow.plan.sources import adapted_to, carried_head, is_sparse

DEFAULT_TARGET = Target(sparsity=Decimal("0.9"))
MAX_LEVELS = 200
MAX_UNITS = 5000
"""Of one job: what a submission can attach in one transaction without others waiting for it."""


def resolve_training(
    spec: TrainSpec | PruneSpec, facts: DatasetFacts, resource: Literal["cpu", "gpu"], source: Sequence[Unit] = ()
) -> Resolved:
    """Settle every choice of a spec on this data set and resource. Raises InvalidSpec for what cannot be met."""
    if source:
        architecture = ARCHITECTURES[source[0].network.architecture]
        facts = adapted_to(source[0], spec.dataset, facts)
        _check_begun(spec, source[0], facts)
    else:
        architecture = known("architecture", spec.model.name or "", ARCHITECTURES)
        facts = chosen(spec.dataset, facts)
    check_dropout(architecture, spec.model)
    check_image(architecture, facts)
    settled = spec.model_copy(
        update={
            "dataset": settled_choice(facts),
            "resource": resource,
            **_settled_method(spec, architecture),
        }
    )
    job = Resolved(spec=settled, dataset=facts, resource=resource, source=tuple(source[:1]))
    check_budget(job, spec.train)
    if isinstance(settled, PruneSpec):
        check_rates(job, architecture, settled.method.scope.exclude)
        check_sparsity(job, architecture, settled.method.scope.exclude)
        _check_depth(job, settled)
        if job.ramp is not None:
            check_ramp(job.ramp, job.retrain.step, job.steps)
        check_groups(settled.method, architecture.name, tuple(name for name, _ in architecture.layers), facts)
    return job


def _settled_method(spec: TrainSpec | PruneSpec, architecture: Architecture) -> dict[str, Method | Target | None]:
    if not isinstance(spec, PruneSpec):
        return {}
    settled = {"criterion": _criterion(spec.method, architecture), "scope": _scope(spec.method.scope, architecture)}
    target = DEFAULT_TARGET if spec.target is None and spec.method.fixed_by is None else spec.target
    return {"method": spec.method.model_copy(update=settled), "target": target}


def _scope(choice: Scope, architecture: Architecture) -> Scope:
    check_layers(choice.exclude, architecture)
    excluded = tuple(name for name, kind in architecture.layers if {name, kind} & set(choice.exclude))
    if len(excluded) == len(architecture.layers):
        raise InvalidSpec(f"Every layer of {architecture.name} is excluded: nothing is left to prune.")
    densities = choice.densities
    if densities is not None:
        check_layers(densities, architecture)
        densities = settled_densities(densities, architecture, excluded)
    return choice.model_copy(update={"exclude": excluded, "densities": densities})


def _criterion(method: Method, architecture: Architecture) -> Criterion:
    choice = method.criterion
    entry = known("criterion", choice.name, CRITERIA)
    if architecture.gated and not entry.gates:
        raise InvalidSpec(
            f"{entry.name} cannot score {architecture.name}: its sigmoid gates saturate, and whole layers would go for "
            "nothing. Take another criterion."
        )
    if choice.alpha is not None and entry.alpha is None:
        raise InvalidSpec(f"The criterion {choice.name} has no alpha. Leave it out.")
    if choice.at == "rewind" and method.retraining != "rewind":
        raise InvalidSpec(
            f"With retraining {method.retraining!r} there is no rewind point to score at. Leave `at` out."
        )
    if isinstance(method.schedule, Gradual):  # neither here nor there: on the way
        return choice.model_copy(update={"alpha": choice.alpha or entry.alpha})
    at = choice.at or (entry.at if method.retraining == "rewind" else "trained")
    return choice.model_copy(update={"at": at, "alpha": choice.alpha or entry.alpha})


def _check_begun(spec: TrainSpec | PruneSpec, model: Unit, facts: DatasetFacts) -> None:
    """What a job may do with a model that is there."""
    if carried_head(model, facts) is None:
        raise InvalidSpec(
            f"The model knows other classes than {facts.name!r}: {', '.join(model.classes[:10])}. Name its classes in "
            "`classes`, or ask for a transfer, which gives it a fresh head."
        )
    plain = isinstance(spec, TrainSpec) or (
        isinstance(spec.method.schedule, Iterative | OneShot)
        and spec.method.granularity is None
        and spec.method.scope.densities is None
        and not spec.open_target
        and not (isinstance(spec.method.schedule, Iterative) and isinstance(spec.method.schedule.rate, Mapping))
    )
    if is_sparse(model) and not plain:
        raise InvalidSpec(
            "The model is sparse already: go on pruning it weight by weight, at one rate, to a sparsity. Rates and "
            "densities by layer, other granularities, gradual schedules and open targets want a dense model."
        )


def _check_depth(job: Resolved, spec: PruneSpec) -> None:
    if spec.open_target:
        return
    levels = _levels(job, spec)
    units = spec.replicates * (1 + levels * (1 + len(spec.controls)))
    if units > MAX_UNITS:
        raise InvalidSpec(
            f"{spec.replicates} replicates of {levels} levels and {1 + len(spec.controls)} arms are {units} units of "
            f"work, and a job has {MAX_UNITS} at most. Raise the rate, or ask for fewer replicates or arms."
        )


def _levels(job: Resolved, spec: PruneSpec) -> int:
    """Levels to the end; with rates by layer at the most, as if all had the slowest one."""
    densities, schedule = spec.method.scope.densities, spec.method.schedule
    rates = schedule.rate if isinstance(schedule, Iterative) else None
    if rates is None:
        return schedule.levels or 1 if isinstance(schedule, Iterative) else 1
    target = job.sparsity if densities is None else 1 - min(densities.values())
    slowest = min(rates.values()) if isinstance(rates, Mapping) else rates
    if grid_sparsity(slowest, MAX_LEVELS) < Fraction(target):
        raise InvalidSpec(
            f"At a rate of {slowest} a level, a sparsity of {target} takes more than {MAX_LEVELS} levels. "
            "Raise the rate or lower the target."
        )
    return len(steps_at_rate(slowest, target))
