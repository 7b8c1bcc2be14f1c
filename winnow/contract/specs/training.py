"""How a network is trained: optimizer, learning rates, budget, and what else has a say in a step."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from winnow.contract.specs.grammar import MAX_STEPS, exactly_one, short, unless_given
from winnow.contract.values import Exact, Value


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
        exactly_one(self, "epochs", "steps")
        milestones = self.epochs or self.steps or ()
        if len(set(milestones)) != len(milestones):
            raise ValueError("name each milestone once")
        return self


class Cosine(Value):
    """Half a cosine, from the learning rate at step 0 down to 0 at the end (Loshchilov & Hutter 2017)."""

    name: Literal["cosine"] = "cosine"


_LrSchedule = Annotated[Constant | StepSchedule | Cosine, Field(discriminator="name")]
LrSchedule = Annotated[_LrSchedule, short(_LrSchedule)]


class Warmup(Value):
    """A linear rise to the learning rate that the schedule gives, over the first steps or epochs; 0 for none."""

    epochs: int | None = Field(None, ge=0, le=100_000, description="Length in epochs.")
    steps: int | None = Field(None, ge=0, le=MAX_STEPS, description="Length in steps, instead of epochs.")

    @model_validator(mode="before")
    @classmethod
    def _default_length(cls, sent: Any) -> Any:
        return unless_given(sent, ("epochs", "steps"), {"steps": 0})

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        exactly_one(self, "epochs", "steps")
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
    optimizer: Annotated[Optimizer, short(Optimizer)] = Field(default_factory=Adam)
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
    precision: Literal["float32", "bf16"] = Field(
        "float32",
        description="bf16: training multiplies in bfloat16; weights, sums and measuring stay float32. On GPUs alone, "
        "of compute capability 8.0 or above.",
    )
    early_stopping: EarlyStopping | None = Field(
        None, description="End before the budget does, in a train job alone: where arms are compared budgets are equal."
    )

    @model_validator(mode="before")
    @classmethod
    def _default_budget(cls, sent: Any) -> Any:
        return unless_given(sent, ("epochs", "steps"), {"epochs": 20})

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        exactly_one(self, "epochs", "steps")
        return self
