"""How a ticket is found: where to rewind to, how much a level prunes, by which scores, among which weights."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from winnow.contract.specs.gradual import Gradual
from winnow.contract.specs.grammar import MAX_STEPS, exactly_one, short, spelt_out, unless_given
from winnow.contract.specs.granularity import Granularity, SemiStructured, WholeChannels, is_semi_structured
from winnow.contract.specs.presets import Preset, without_preset
from winnow.contract.values import Exact, Value


class Rewind(Value):
    """Where retraining starts: the state of the dense run at a step or epoch, 0 unless said."""

    epoch: int | None = Field(None, ge=0, le=100_000)
    step: int | None = Field(None, ge=0, le=MAX_STEPS)
    optimizer: Literal["restore", "fresh"] = Field("restore", description="The optimizer's state at k, or none.")
    lr: Literal["resume", "restart"] = Field("resume", description="The schedule from k on, or from 0 for all steps.")

    @model_validator(mode="before")
    @classmethod
    def _default_place(cls, sent: Any) -> Any:
        return unless_given(sent, ("epoch", "step"), {"epoch": 0})

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        exactly_one(self, "epoch", "step")
        return self


AUTO = "auto"
"""Rewind to the first point from which the dense network is stable."""


def _point_or_auto(sent: Any) -> str:
    return AUTO if isinstance(sent, str) else "point"


RewindChoice = Annotated[
    Annotated[Rewind, Tag("point")] | Annotated[Literal["auto"], Tag(AUTO)], Discriminator(_point_or_auto)
]

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
        return unless_given(sent, ("rate", "levels"), {"rate": Decimal("0.2")})

    @model_validator(mode="after")
    def _one_pace(self) -> Self:
        exactly_one(self, "rate", "levels")
        return self


class OneShot(Value):
    """Everything at one level."""

    name: Literal["one_shot"] = "one_shot"


_Schedule = Annotated[Iterative | OneShot | Gradual, Field(discriminator="name")]
Schedule = Annotated[_Schedule, short(_Schedule)]


class Criterion(Value):
    """How weights are scored."""

    name: str = Field("magnitude", min_length=1, max_length=200, description="A criterion: see GET /v1/criteria.")
    at: Literal["trained", "rewind"] | None = Field(
        None, description="Score the values that training ended with, or those at the rewind point; else as is usual."
    )
    alpha: Exact | None = Field(None, gt=0, le=10, description="Of `magnitude_per_cost`: the exponent of the cost.")


Density = Annotated[Exact, Field(gt=0, le=1)]


class Scope(Value):
    """Which weights compete with which: all of them, or those of one layer.

    `layer` takes the same share from each; `erk` leaves larger layers sparser: Evci et al. 2020, arXiv:1911.11134.
    `densities` says what each layer keeps.
    """

    name: Literal["global", "layer", "erk", "densities"] = "global"
    densities: dict[str, Density] | None = Field(
        None,
        min_length=1,
        description="Of `densities`: share of its weights that each layer keeps at the last level, by name or kind.",
    )
    exclude: tuple[str, ...] = Field(
        (), max_length=1000, description="Layers never pruned, by name or kind; sparsity is counted over the others."
    )

    @model_validator(mode="after")
    def _densities_by_their_name(self) -> Self:
        if (self.name == "densities") != (self.densities is not None):
            raise ValueError('give {"name": "densities", "densities": {…}}, or neither')
        return self


def spelt_out_scope(sent: Any) -> Any:
    """A bare map of numbers as the densities that it is short for: no field of a scope holds a number."""
    numbers = isinstance(sent, dict) and all(
        isinstance(share, int | float | Decimal) and not isinstance(share, bool) for share in sent.values()
    )
    return {"name": "densities", "densities": sent} if sent and numbers else spelt_out(sent)


ScopeChoice = Annotated[
    Scope, BeforeValidator(spelt_out_scope, json_schema_input_type=str | dict[str, Density] | Scope)
]


def _ratio(groups: SemiStructured) -> str:
    return f"{groups.keep}:{groups.of}"


class Method(Value):
    """How the ticket is found."""

    preset: Preset | None = Field(
        None,
        description="Short for a method by its cost: `fast` prunes at once, `balanced` 50 % a level (both with the "
        "learning rate rewound), `full` 20 % a level with weights rewound to a point that is found. Fields beside it "
        "override it; null once it is written out.",
    )
    criterion: Annotated[Criterion, short(Criterion)] = Field(default_factory=Criterion)
    scope: ScopeChoice = Field(default_factory=Scope)
    granularity: Granularity | None = Field(
        None, description="`channels`; or `2:4`, N of each M inputs, which goes at once. Single weights unless given."
    )
    schedule: Schedule = Field(default_factory=Iterative)
    retraining: Literal["rewind", "lr_rewind", "fine_tune"] = Field(
        "rewind",
        description="Rewind weights and schedule; or keep the trained weights and go through the whole schedule again, "
        "or as long at its last rate (Renda et al. 2020, arXiv:2003.02389). Both train longer: at most matching.",
    )
    rewind: RewindChoice = Field(
        default_factory=Rewind,
        description="A step or epoch of the dense run; or `auto`: of 0, 0.5, 1, 2, 5, 10 and 20 % of training the "
        "first one from which two copies of replicate 0's dense network, trained under two data orders, end in one "
        "basin: on 30 points of the straight line between them the validation error stays less than 2 points above "
        "the mean of its ends (Frankle et al. 2020, arXiv:1912.05671). Where none is, 20 %, and the result says so.",
    )

    @model_validator(mode="before")
    @classmethod
    def _preset_is_written_out(cls, sent: Any) -> Any:
        return without_preset(sent)

    @model_validator(mode="before")
    @classmethod
    def _groups_go_at_once(cls, sent: Any) -> Any:
        grouped = isinstance(sent, dict) and is_semi_structured(sent.get("granularity"))
        return {"schedule": "one_shot"} | sent if grouped else sent

    @model_validator(mode="after")
    def _channels_know_no_layers(self) -> Self:
        if isinstance(self.granularity, WholeChannels) and self.scope.name != "global":
            raise ValueError("a channel goes through several layers: leave out scope, or give its `exclude` alone")
        return self

    @model_validator(mode="after")
    def _groups_say_which_and_when(self) -> Self:
        if not isinstance(self.granularity, SemiStructured):
            return self
        if not isinstance(self.schedule, OneShot):
            raise ValueError(f"{_ratio(self.granularity)} is pruned at once: leave out schedule, or say one_shot")
        if self.scope.name != "global":
            raise ValueError(
                f"{_ratio(self.granularity)} takes the same share from each layer: leave out scope, or give its "
                "`exclude` alone"
            )
        return self

    @property
    def fixed_by(self) -> str | None:
        """What says already how sparse the ticket gets, so that it can have no target."""
        if isinstance(self.granularity, SemiStructured):
            return f"the granularity {_ratio(self.granularity)}"
        return None if self.scope.densities is None else "the densities of the layers"

    @model_validator(mode="after")
    def _a_ramp_scores_on_the_way(self) -> Self:
        if isinstance(self.schedule, Gradual) and self.criterion.at is not None:
            raise ValueError("a gradual schedule scores weights as they are on the way: leave `at` out")
        return self

    @model_validator(mode="after")
    def _a_ramp_starts_from_a_known_point(self) -> Self:
        if isinstance(self.schedule, Gradual) and self.rewind == AUTO:
            raise ValueError(
                'a gradual schedule has to know where it begins: give a rewind point, such as {"epoch": 1}, not "auto"'
            )
        return self

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


def spelt_out_method(sent: Any) -> Any:
    """The name of a preset as the method that it is short for."""
    return {"preset": sent} if isinstance(sent, str) else sent


MethodChoice = Annotated[Method, BeforeValidator(spelt_out_method, json_schema_input_type=Preset | Method)]
