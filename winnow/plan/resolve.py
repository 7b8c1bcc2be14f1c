"""From what a user sent to what is done: defaults, data, budgets in steps. The rest of the plan reads only this."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Literal

from pydantic import Field

from winnow.contract.catalog.architectures import ARCHITECTURES, Architecture
from winnow.contract.catalog.criteria import CRITERIA
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidSpec
from winnow.contract.recipes import LrSchedule, Milestones, Ramp, Rates, Retrain
from winnow.contract.specs.choices import ModelChoice
from winnow.contract.specs.gradual import Gradual
from winnow.contract.specs.granularity import SemiStructured
from winnow.contract.specs.jobs import EvaluateSpec, PruneSpec, Spec, TrainSpec
from winnow.contract.specs.pruning import Criterion, Iterative, Method, OneShot, Scope
from winnow.contract.specs.targets import Target
from winnow.contract.specs.training import Cosine, StepSchedule, Train
from winnow.contract.specs.transfer import TransferSpec
from winnow.contract.units import Unit
from winnow.contract.values import Value
from winnow.plan.counts import grid_sparsity, rate_for_levels, steps_at_rate
from winnow.plan.dataset_choice import chosen, settled_choice
from winnow.plan.densities import levels_to, rates_to, settled_densities
from winnow.plan.gradual import check_ramp, ramp
from winnow.plan.granularity import check_groups
from winnow.plan.knowing import known
from winnow.plan.sources import adapted_to, carried_head, is_sparse

DEFAULT_TARGET = Target(sparsity=Decimal("0.9"))
MAX_LEVELS = 200
MAX_UNITS = 5000
"""Of one job: what a submission can attach in one transaction without others waiting for it."""


class Resolved(Value):
    """A spec whose every choice is settled: what is stored with the job, and all that a plan needs beside results."""

    spec: Spec
    dataset: DatasetFacts | None = None
    resource: Literal["cpu", "gpu"]
    source: tuple[Unit, ...] = Field(
        (), description="The unit that made the model of the spec, then what it stands on."
    )
    before: "Resolved | None" = Field(None, description="The job whose target's model this one begins with.")

    @property
    def facts(self) -> DatasetFacts:
        """The data set of a job that has one."""
        assert self.dataset is not None  # noqa: S101 - the caller's mistake: only an evaluation may have none
        return self.dataset

    @property
    def model(self) -> Unit | None:
        """The unit of the model that the job begins with; none where it begins with a fresh network."""
        return self.source[0] if self.source else None

    @property
    def architecture(self) -> str:
        """The name of the network."""
        return self.source[0].network.architecture if self.source else self.spec.model.name or ""

    @property
    def training(self) -> TrainSpec | PruneSpec | TransferSpec:
        """The spec of a job that trains."""
        assert not isinstance(self.spec, EvaluateSpec)  # noqa: S101 - the caller's mistake: it trains nothing
        return self.spec

    @cached_property
    def steps_per_epoch(self) -> int:
        """Batches of one pass over the training split; the last one may be smaller."""
        return -(-self.facts.sizes().train // self.training.train.batch_size)

    @cached_property
    def steps(self) -> int:
        """The whole budget T of an arm, in steps."""
        train = self.training.train
        return _steps(train.steps, train.epochs, self.steps_per_epoch)

    @cached_property
    def lr_schedule(self) -> LrSchedule:
        """The learning-rate schedule in steps."""
        schedule = self.training.train.lr_schedule
        if isinstance(schedule, Cosine):
            return schedule
        if not isinstance(schedule, StepSchedule) or not (schedule.steps or schedule.epochs):
            return Milestones()
        scale = 1 if schedule.steps is not None else self.steps_per_epoch
        places = schedule.steps if schedule.steps is not None else schedule.epochs or ()
        return Milestones(steps=tuple(sorted({place * scale for place in places})), factor=schedule.factor)

    @cached_property
    def warmup(self) -> int:
        """Steps of the warm-up. One step has the whole rate already, as none has, so that keys meet."""
        warmup = self.training.train.warmup
        steps = _steps(warmup.steps, warmup.epochs, self.steps_per_epoch)
        return steps if steps > 1 else 0

    @cached_property
    def retrain(self) -> Retrain:
        """Where retraining starts, in steps; from 0 on while `auto` has not found it.

        At rewind point 0 nothing differs between the options: keys meet.
        """
        spec = self.training
        if isinstance(spec, PruneSpec) and spec.method.retraining != "rewind":
            lr: Literal["restart", "last"] = "restart" if spec.method.retraining == "lr_rewind" else "last"
            return Retrain(weights="trained", step=0, optimizer="fresh", lr=lr)
        if isinstance(spec, TransferSpec):
            return Retrain(step=0, optimizer="restore", lr="resume")
        rewind = spec.method.rewind if isinstance(spec, PruneSpec) else spec.rewind
        step = 0 if isinstance(rewind, str) else _steps(rewind.step, rewind.epoch, self.steps_per_epoch)
        if isinstance(rewind, str) or step == 0:
            return Retrain(step=0, optimizer="restore", lr="resume")
        return Retrain(step=step, optimizer=rewind.optimizer, lr=rewind.lr)

    @cached_property
    def ramp(self) -> Ramp | None:
        """Where gradual pruning begins and ends, in steps."""
        schedule = self.spec.method.schedule if isinstance(self.spec, PruneSpec) else None
        return ramp(schedule, self.retrain.step, self.steps_per_epoch) if isinstance(schedule, Gradual) else None

    @property
    def sparsity(self) -> Decimal:
        """The sparsity asked for. Densities by layer are asked for instead of one, or what results decide."""
        assert isinstance(self.spec, PruneSpec)  # noqa: S101 - a train job has no target; the caller's mistake
        assert self.spec.target is not None  # noqa: S101 - `resolve` settles it where there are no densities
        assert self.spec.target.sparsity is not None  # noqa: S101 - an open target has a rate and needs no sparsity
        return self.spec.target.sparsity

    @cached_property
    def rates(self) -> Rates | None:
        """The rate of a level, or the rates by layer, whatever way the schedule was given; none for N:M."""
        assert isinstance(self.spec, PruneSpec)  # noqa: S101 - a train job has no levels; the caller's mistake
        if isinstance(self.spec.method.granularity, SemiStructured):
            return None
        densities = self.spec.method.scope.densities
        if densities is not None:
            return rates_to(densities, levels_to(densities, self.spec.method))
        schedule = self.spec.method.schedule
        if isinstance(schedule, Iterative):
            return schedule.rate if schedule.rate is not None else rate_for_levels(self.sparsity, schedule.levels or 1)
        return self.sparsity


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
        _check_rates(job, architecture, settled.method.scope.exclude)
        _check_depth(job, settled)
        if job.ramp is not None:
            check_ramp(job.ramp, job.retrain.step, job.steps)
        check_groups(settled.method, architecture.name, tuple(name for name, _ in architecture.layers), facts)
    return job


def _steps(steps: int | None, epochs: int | None, steps_per_epoch: int) -> int:
    return steps if steps is not None else (epochs or 0) * steps_per_epoch


def _settled_method(spec: TrainSpec | PruneSpec, architecture: Architecture) -> dict[str, Method | Target | None]:
    if not isinstance(spec, PruneSpec):
        return {}
    settled = {"criterion": _criterion(spec.method), "scope": _scope(spec.method.scope, architecture)}
    target = DEFAULT_TARGET if spec.target is None and spec.method.fixed_by is None else spec.target
    return {"method": spec.method.model_copy(update=settled), "target": target}


def _scope(choice: Scope, architecture: Architecture) -> Scope:
    _check_layers(choice.exclude, architecture)
    excluded = tuple(name for name, kind in architecture.layers if {name, kind} & set(choice.exclude))
    if len(excluded) == len(architecture.layers):
        raise InvalidSpec(f"Every layer of {architecture.name} is excluded: nothing is left to prune.")
    densities = choice.densities
    if densities is not None:
        _check_layers(densities, architecture)
        densities = settled_densities(densities, architecture, excluded)
    return choice.model_copy(update={"exclude": excluded, "densities": densities})


def _check_layers(names: Collection[str], architecture: Architecture) -> None:
    layers = {name for layer in architecture.layers for name in layer}
    if unknown := sorted(set(names) - layers):
        raise InvalidSpec(f"{architecture.name} has no layer {unknown[0]!r}. Known are: {', '.join(sorted(layers))}.")


def _criterion(method: Method) -> Criterion:
    choice = method.criterion
    entry = known("criterion", choice.name, CRITERIA)
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


def check_dropout(architecture: Architecture, choice: ModelChoice) -> None:
    """Refuse dropout where the architecture has no place for it. Raises InvalidSpec."""
    if choice.dropout and not architecture.dropout:
        able = ", ".join(sorted(name for name, entry in ARCHITECTURES.items() if entry.dropout))
        raise InvalidSpec(f"{architecture.name} has no place for dropout. Leave it out, or take one of: {able}.")


def check_image(architecture: Architecture, facts: DatasetFacts) -> None:
    """Refuse images that are too small. Raises InvalidSpec."""
    if min(facts.size) < architecture.smallest:
        raise InvalidSpec(
            f"{architecture.name} wants images of at least {architecture.smallest}×{architecture.smallest} pixels; "
            f"those of {facts.name!r} are {facts.size[0]}×{facts.size[1]}. Ask for another `size` of the data set."
        )


def check_budget(job: Resolved, train: Train) -> None:
    """Refuse batches and schedules that do not fit the training split. Raises InvalidSpec."""
    sizes = job.facts.sizes()
    if train.batch_size > sizes.train:
        raise InvalidSpec(f"batch_size is {train.batch_size}, but the training split has {sizes.train} images.")
    if job.retrain.step >= job.steps:
        raise InvalidSpec(
            f"Rewinding to step {job.retrain.step} leaves nothing to train: the budget is {job.steps} steps "
            f"({job.steps_per_epoch} an epoch). Rewind to an earlier point."
        )
    if train.early_stopping is not None and job.retrain.step:
        raise InvalidSpec(
            f"Early stopping may end training before step {job.retrain.step}, whose state is to be kept. "
            "Leave out rewind or early_stopping."
        )
    _check_lr_schedule(job)


def _check_lr_schedule(job: Resolved) -> None:
    if job.warmup > job.steps:
        raise InvalidSpec(
            f"The warm-up takes {job.warmup} steps, but training ends at step {job.steps} "
            f"({job.steps_per_epoch} an epoch). Warm up over fewer."
        )
    milestones = job.lr_schedule.steps if isinstance(job.lr_schedule, Milestones) else ()
    late = [step for step in milestones if step >= job.steps]
    if late:
        raise InvalidSpec(
            f"The learning rate would change at step {late[0]}, but training ends at step {job.steps}. "
            "Give milestones before the end."
        )


def _check_rates(job: Resolved, architecture: Architecture, excluded: Collection[str]) -> None:
    schedule = job.spec.method.schedule if isinstance(job.spec, PruneSpec) else None
    rates = schedule.rate if isinstance(schedule, Iterative) else None
    if not isinstance(rates, Mapping):
        return
    _check_layers(rates, architecture)
    pruned = [layer for layer in architecture.layers if layer[0] not in excluded]
    bare = [name for name, kind in pruned if name not in rates and kind not in rates]
    if bare:
        raise InvalidSpec(f"No rate for {', '.join(bare)}: give one for each layer, by name or by kind.")


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
