"""What a user asks for: the job specs, as they are sent. Every field but kind, dataset and model has a default.

The descriptions here are the only help text: OpenAPI, the command line and the docs show them.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, TypeAdapter, model_validator

from winnow.contract.values import Exact, Value

MAX_STEPS = 10_000_000


def _choice(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _short(choice: Any) -> BeforeValidator:
    """A string is short for a choice by that name, and the JSON schema says so."""
    return BeforeValidator(_choice, json_schema_input_type=str | choice)


Pixels = Annotated[int, Field(ge=1, le=1024)]
ClassName = Annotated[str, Field(min_length=1, max_length=1000)]


class DatasetChoice(Value):
    """A data set by name or id, or a part of it."""

    name: str = Field(min_length=1, max_length=200, description="`digits`, `dst_…`, or a folder of the data directory.")
    fingerprint: str | None = Field(None, description="Refuse the job unless the data set still has this fingerprint.")
    classes: tuple[ClassName, ...] | None = Field(
        None, min_length=2, description="Only these classes, in this order; all unless given."
    )
    fraction: Exact = Field(
        Decimal(1), ge=Decimal("0.05"), le=1, description="Share of the training split to train on, of each class."
    )
    size: tuple[Pixels, Pixels] | None = Field(
        None, description="Height and width to resize images to, bilinear and antialiased; their own unless given."
    )
    channels: Literal[1, 3] | None = Field(
        None, description="1: turn colour to grey (ITU-R 601 luma). 3: grey to RGB. Their own unless given."
    )

    @model_validator(mode="after")
    def _classes_once(self) -> Self:
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError("name each class once")
        return self


class ModelChoice(Value):
    """An architecture by name."""

    name: str = Field(min_length=1, max_length=200, description="An architecture: see GET /v1/architectures.")
    dropout: Exact = Field(
        Decimal(0), ge=0, lt=1, description="Share of the hidden linear layers' outputs dropped in training."
    )


class Sgd(Value):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"] = "sgd"
    lr: Exact = Field(Decimal("0.1"), gt=0, le=100, description="Learning rate.")
    momentum: Exact = Field(Decimal("0.9"), ge=0, lt=1, description="Momentum.")
    nesterov: bool = Field(False, description="Look ahead along the momentum: Nesterov's; wants momentum above 0.")
    weight_decay: Exact = Field(Decimal(0), ge=0, le=1, description="L2 penalty added to the gradient.")

    @model_validator(mode="after")
    def _nesterov_wants_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov wants momentum above 0: give momentum, or leave nesterov out")
        return self


class Adam(Value):
    """Adam (Kingma & Ba 2015)."""

    name: Literal["adam"] = "adam"
    lr: Exact = Field(Decimal("0.0012"), gt=0, le=100, description="Learning rate.")
    weight_decay: Exact = Field(Decimal(0), ge=0, le=1, description="L2 penalty added to the gradient.")


class AdamW(Value):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    name: Literal["adamw"] = "adamw"
    lr: Exact = Field(Decimal("0.0012"), gt=0, le=100, description="Learning rate.")
    weight_decay: Exact = Field(
        Decimal("0.01"), ge=0, le=1, description="Share of each weight taken off a step, times the learning rate."
    )


Optimizer = Annotated[Sgd | Adam | AdamW, Field(discriminator="name")]


class Constant(Value):
    """The same learning rate throughout."""

    name: Literal["constant"] = "constant"


class StepSchedule(Value):
    """The learning rate times `factor` at each milestone, given in steps or in epochs."""

    name: Literal["step"] = "step"
    epochs: tuple[Annotated[int, Field(ge=1, le=MAX_STEPS)], ...] | None = Field(None, max_length=100)
    steps: tuple[Annotated[int, Field(ge=1, le=MAX_STEPS)], ...] | None = Field(None, max_length=100)
    factor: Exact = Field(Decimal("0.1"), gt=0, lt=1, description="What the rate is multiplied with.")

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        _exactly_one(self, "epochs", "steps")
        return self


class Cosine(Value):
    """Half a cosine, from the learning rate at step 0 down to 0 at the end (Loshchilov & Hutter 2017)."""

    name: Literal["cosine"] = "cosine"


_LrSchedule = Annotated[Constant | StepSchedule | Cosine, Field(discriminator="name")]
LrSchedule = Annotated[_LrSchedule, _short(_LrSchedule)]


class Warmup(Value):
    """A linear rise to the learning rate that the schedule gives, over the first steps or epochs; 0 for none."""

    epochs: int | None = Field(None, ge=0, le=100_000, description="Length in epochs.")
    steps: int | None = Field(None, ge=0, le=MAX_STEPS, description="Length in steps, instead of epochs.")

    @model_validator(mode="before")
    @classmethod
    def _default_length(cls, sent: Any) -> Any:
        return _unless_given(sent, ("epochs", "steps"), {"steps": 0})

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        _exactly_one(self, "epochs", "steps")
        return self


class Augment(Value):
    """Random changes to each training image."""

    crop: int = Field(0, ge=0, le=64, description="Pad by this many pixels, then crop at a random place.")
    flip: bool = Field(False, description="Mirror left to right, half of the time.")


class EarlyStopping(Value):
    """The end of a training whose validation loss has stopped falling. The weights are those of its last step."""

    patience: int = Field(
        ge=1, le=100, description="Points of the curve (an epoch or more each) in a row that bring no lower loss."
    )


class Train(Value):
    """How a network is trained."""

    epochs: int | None = Field(None, ge=1, le=100_000, description="Budget in epochs (20 where neither is given).")
    steps: int | None = Field(None, ge=1, le=MAX_STEPS, description="Budget in steps, instead of epochs.")
    batch_size: int = Field(60, ge=1, le=65_536, description="Images a step.")
    optimizer: Annotated[Optimizer, _short(Optimizer)] = Field(default_factory=Adam)
    lr_schedule: LrSchedule = Field(default_factory=Constant)
    warmup: Warmup = Field(default_factory=Warmup)
    init: Literal["glorot_normal", "kaiming_normal", "torch"] = Field("glorot_normal", description="Initialiser.")
    augment: Augment = Field(default_factory=Augment)
    label_smoothing: Exact = Field(
        Decimal(0), ge=0, lt=1, description="Share of each label spread over all classes, in the training loss alone."
    )
    clip: Exact | None = Field(
        None, gt=0, le=1_000_000, description="Greatest L2 norm of all gradients together, before weight decay."
    )
    early_stopping: EarlyStopping | None = Field(
        None, description="End before the budget does, in a train job alone: where arms are compared budgets are equal."
    )

    @model_validator(mode="before")
    @classmethod
    def _default_budget(cls, sent: Any) -> Any:
        return _unless_given(sent, ("epochs", "steps"), {"epochs": 20})

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        _exactly_one(self, "epochs", "steps")
        return self


class Rewind(Value):
    """Where retraining starts: the state of the dense run at a step or epoch, 0 unless said."""

    epoch: int | None = Field(None, ge=0, le=100_000)
    step: int | None = Field(None, ge=0, le=MAX_STEPS)
    optimizer: Literal["restore", "fresh"] = Field("restore", description="The optimizer's state at k, or none.")
    lr: Literal["resume", "restart"] = Field("resume", description="The schedule from k on, or from 0 for all steps.")

    @model_validator(mode="before")
    @classmethod
    def _default_place(cls, sent: Any) -> Any:
        return _unless_given(sent, ("epoch", "step"), {"epoch": 0})

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        _exactly_one(self, "epoch", "step")
        return self


Rate = Annotated[Exact, Field(gt=0, lt=1)]


class Iterative(Value):
    """Prune a part of what is left, rewind, retrain; again until the target."""

    name: Literal["iterative"] = "iterative"
    rate: Rate | dict[str, Rate] | None = Field(
        None, description="Share of the surviving weights pruned at each level, or a map by layer kind or name."
    )
    levels: int | None = Field(None, ge=1, le=100, description="Number of levels, instead of a rate.")

    @model_validator(mode="before")
    @classmethod
    def _default_pace(cls, sent: Any) -> Any:
        return _unless_given(sent, ("rate", "levels"), {"rate": Decimal("0.2")})

    @model_validator(mode="after")
    def _one_pace(self) -> Self:
        _exactly_one(self, "rate", "levels")
        return self


class OneShot(Value):
    """Everything at one level."""

    name: Literal["one_shot"] = "one_shot"


_Schedule = Annotated[Iterative | OneShot, Field(discriminator="name")]
Schedule = Annotated[_Schedule, _short(_Schedule)]


class Criterion(Value):
    """How weights are scored."""

    name: str = Field("magnitude", min_length=1, max_length=200, description="A criterion: see GET /v1/criteria.")
    at: Literal["trained", "rewind"] | None = Field(
        None, description="Score the values that training ended with, or those at the rewind point; else as is usual."
    )
    alpha: Exact | None = Field(None, gt=0, le=10, description="Of `magnitude_per_cost`: the exponent of the cost.")


class Scope(Value):
    """Which weights compete with which: all of them, or those of one layer.

    `layer` takes the same share from each; `erk` leaves larger layers sparser: Evci et al. 2020, arXiv:1911.11134.
    """

    name: Literal["global", "layer", "erk"] = "global"
    exclude: tuple[str, ...] = Field(
        (), max_length=1000, description="Layers never pruned, by name or kind; sparsity is counted over the others."
    )


class Method(Value):
    """How the ticket is found."""

    criterion: Annotated[Criterion, _short(Criterion)] = Field(default_factory=Criterion)
    scope: Annotated[Scope, _short(Scope)] = Field(default_factory=Scope)
    schedule: Schedule = Field(default_factory=Iterative)
    retraining: Literal["rewind", "lr_rewind", "fine_tune"] = Field(
        "rewind",
        description="Rewind weights and schedule; or keep the trained weights and go through the whole schedule again, "
        "or as long at its last rate (Renda et al. 2020, arXiv:2003.02389). Both train longer: at most matching.",
    )
    rewind: Rewind = Field(default_factory=Rewind)

    @model_validator(mode="after")
    def _only_rewinding_has_a_rewind_point(self) -> Self:
        if self.retraining != "rewind" and self.rewind != Rewind():
            raise ValueError(f'"retraining": "{self.retraining}" keeps the trained weights: leave `rewind` out')
        return self

    @model_validator(mode="after")
    def _rates_by_layer_want_layers(self) -> Self:
        if isinstance(self.schedule, Iterative) and isinstance(self.schedule.rate, dict) and self.scope.name != "layer":
            raise ValueError(f'rates by layer want "scope": "layer"; with "scope": "{self.scope.name}" give one rate')
        return self


class Target(Value):
    """What the ticket has to reach."""

    sparsity: Exact = Field(gt=0, lt=1, description="Share of the prunable weights to mask, below 1.")


Control = Literal["random_reinit", "random_mask", "reversed_mask", "fine_tuned"]
Arm = Literal["ticket", "dense", "random_reinit", "random_mask", "reversed_mask", "fine_tuned"]
CONTROLS: tuple[Control, ...] = ("random_reinit", "random_mask", "reversed_mask", "fine_tuned")


class _Common(Value):
    dataset: Annotated[DatasetChoice, _short(DatasetChoice)]
    model: Annotated[ModelChoice, _short(ModelChoice)]
    train: Train = Field(default_factory=Train)
    seed: int = Field(0, ge=0, lt=2**63, description="Every random number follows from it; 0 is a seed.")
    threads: int = Field(1, ge=1, le=64, description="CPU threads for each unit; part of what decides the bytes.")
    resource: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="`auto` takes a GPU where a live worker has one."
    )


class TrainSpec(_Common):
    """Train one network."""

    kind: Literal["train"] = "train"
    rewind: Rewind = Field(default_factory=Rewind, description="Also keep the state at this point.")


class PruneSpec(_Common):
    """Find a lottery ticket and the evidence that it is one."""

    kind: Literal["prune"] = "prune"
    target: Target = Field(default_factory=lambda: Target(sparsity=Decimal("0.9")))
    method: Method = Field(default_factory=Method)
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
    def _arms_once(self) -> Self:
        if len(set(self.arms)) != len(self.arms):
            raise ValueError("name each arm once")
        return self

    @property
    def controls(self) -> tuple[Control, ...]:
        """The arms that are units of their own, in a fixed order."""
        return tuple(arm for arm in CONTROLS if arm in self.arms)


Spec = Annotated[TrainSpec | PruneSpec, Field(discriminator="kind")]
SPEC: TypeAdapter[TrainSpec | PruneSpec] = TypeAdapter(Spec)


def _unless_given(sent: Any, names: tuple[str, ...], default: dict[str, Any]) -> Any:
    if isinstance(sent, dict) and all(sent.get(name) is None for name in names):
        return sent | default
    return sent


def _exactly_one(value: Value, first: str, second: str) -> None:
    if (getattr(value, first) is None) == (getattr(value, second) is None):
        raise ValueError(f"give {first} or {second}, one of them")
