"""What a user asks for: the job specs, as they are sent. Every field but kind, dataset and model has a default."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from winnow.contract.specs.pruning import Iterative, Method, MethodChoice, Rewind
from winnow.contract.specs.sweep import Sweep
from winnow.contract.specs.targets import Target
from winnow.contract.specs.training_job import Dataset, Model, Resource, Threads, Training
from winnow.contract.specs.transfer import TransferArm, TransferSpec
from winnow.contract.values import Exact, Value

Control = Literal["random_reinit", "random_mask", "reversed_mask", "fine_tuned"]
Arm = Literal["ticket", "dense", "random_reinit", "random_mask", "reversed_mask", "fine_tuned"]
PlaceArm = Arm | TransferArm | Literal["source", "evaluated", "stability", "features", "own_chain"]
"""Arms, and what else has a place in a job: the model that it was given, that model measured, the search for k."""
CONTROLS: tuple[Control, ...] = ("random_reinit", "random_mask", "reversed_mask", "fine_tuned")


class TrainSpec(Training):
    """Train one network."""

    kind: Literal["train"] = "train"
    rewind: Rewind = Field(default_factory=Rewind, description="Also keep the state at this point.")


class PruneSpec(Training):
    """Find a lottery ticket and the evidence that it is one."""

    kind: Literal["prune"] = "prune"
    target: Target | None = Field(
        None,
        description='{"sparsity": 0.9}, which holds unless given, or {"max_accuracy_drop": …} or {"max_bytes": …}; '
        "none where densities by layer or N:M say it.",
    )
    method: MethodChoice = Field(default_factory=Method)
    arms: tuple[Arm, ...] = Field(
        ("ticket", "random_reinit", "random_mask"),
        description="Ticket and dense always run; winning takes random_reinit and random_mask.",
    )
    replicates: int = Field(3, ge=1, le=100, description="Whole experiments with other seeds; a verdict wants 3.")
    margin: Exact = Field(Decimal("0.5"), ge=0, le=100, description="Accuracy points a matching ticket may lose.")

    @model_validator(mode="after")
    def _equal_budgets(self) -> Self:
        if self.train.early_stopping is not None:
            raise ValueError("arms are compared at equal budgets: leave early_stopping out, or ask for a train job")
        return self

    @model_validator(mode="after")
    def _one_word_on_sparsity(self) -> Self:
        if self.target is not None and self.method.fixed_by is not None:
            raise ValueError(f"leave out target: {self.method.fixed_by} says how sparse the ticket gets")
        return self

    @model_validator(mode="after")
    def _arms_once(self) -> Self:
        if len(set(self.arms)) != len(self.arms):
            raise ValueError("name each arm once")
        return self

    @model_validator(mode="after")
    def _open_targets_want_a_rate(self) -> Self:
        schedule = self.method.schedule
        if self.open_target and not (isinstance(schedule, Iterative) and schedule.rate is not None):
            raise ValueError(
                "how many levels this target takes is known when it is reached: give a schedule with a rate, such as "
                '{"name": "iterative", "rate": 0.2}, or a target sparsity'
            )
        return self

    @property
    def open_target(self) -> Target | None:
        """The target, where results decide how many levels it takes."""
        return None if self.target is None or self.target.sparsity is not None else self.target

    @property
    def controls(self) -> tuple[Control, ...]:
        """The arms that are units of their own, in a fixed order."""
        return tuple(arm for arm in CONTROLS if arm in self.arms)


class EvaluateSpec(Value):
    """Measure a model on the test images of a data set whose classes it knows; they are matched by name."""

    kind: Literal["evaluate"] = "evaluate"
    dataset: Dataset | None = Field(
        None, description="Images are adapted to the model's size and channels. Left out: only its files are made."
    )
    model: Model
    threads: Threads = 1
    resource: Resource = "auto"
    sweep: Sweep | None = None


JobKind = Literal["train", "prune", "evaluate", "transfer"]
Spec = Annotated[TrainSpec | PruneSpec | EvaluateSpec | TransferSpec, Field(discriminator="kind")]
SPEC: TypeAdapter[TrainSpec | PruneSpec | EvaluateSpec | TransferSpec] = TypeAdapter(Spec)
