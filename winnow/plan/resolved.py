"""A spec whose every choice is settled: the rest of the plan reads only this."""

from decimal import Decimal
from functools import cached_property
from typing import Literal

from pydantic import Field

from winnow.contract.datasets import DatasetFacts
from winnow.contract.recipes import LrSchedule, Milestones, Ramp, Rates, Retrain
from winnow.contract.specs.gradual import Gradual
from winnow.contract.specs.granularity import SemiStructured
from winnow.contract.specs.jobs import EvaluateSpec, PruneSpec, Spec, TrainSpec
from winnow.contract.specs.pruning import Iterative
from winnow.contract.specs.sweep import At
from winnow.contract.specs.training import Cosine, StepSchedule
from winnow.contract.specs.transfer import TransferArm, TransferSpec
from winnow.contract.units import Unit
from winnow.contract.values import Value
from winnow.plan.counts import rate_for_levels
from winnow.plan.densities import levels_to, rates_to
from winnow.plan.gradual import ramp


class Resolved(Value):
    """A spec whose every choice is settled: what is stored with the job, and all that a plan needs beside results."""

    spec: Spec
    dataset: DatasetFacts | None = None
    resource: Literal["cpu", "gpu"]
    source: tuple[Unit, ...] = Field(
        (), description="The unit that made the model of the spec, then what it stands on."
    )
    before: "Resolved | None" = Field(None, description="The job whose target's model this one begins with.")
    points: tuple["ResolvedPoint", ...] = Field((), description="Of a sweep: each of its jobs.")
    left_out: tuple[TransferArm, ...] = Field((), description="Arms asked for that its model came to have none of.")

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


class ResolvedPoint(Value):
    """One job of a sweep, and what its fields have for values there."""

    at: At
    job: Resolved


def _steps(steps: int | None, epochs: int | None, steps_per_epoch: int) -> int:
    return steps if steps is not None else (epochs or 0) * steps_per_epoch
