"""Pruning while training: Zhu & Gupta 2017, "To prune, or not to prune", arXiv:1710.01878."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from winnow.contract.specs.grammar import MAX_STEPS, exactly_one, unless_given
from winnow.contract.values import Value


class Moment(Value):
    """A step or an epoch of the training, counted from its very start."""

    epoch: int | None = Field(None, ge=0, le=100_000)
    step: int | None = Field(None, ge=0, le=MAX_STEPS)

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        exactly_one(self, "epoch", "step")
        return self


class Span(Value):
    """A number of steps or epochs, an epoch unless said."""

    epochs: int | None = Field(None, ge=1, le=100_000)
    steps: int | None = Field(None, ge=1, le=MAX_STEPS)

    @model_validator(mode="before")
    @classmethod
    def _default_length(cls, sent: Any) -> Any:
        return unless_given(sent, ("epochs", "steps"), {"epochs": 1})

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        exactly_one(self, "epochs", "steps")
        return self


class Gradual(Value):
    """One level that prunes while it trains: fast at first, ever less towards the end, then on with the final mask.

    Weights are scored as they are on the way. What trains is not sparse from the start: at most matching.
    """

    name: Literal["gradual"] = "gradual"
    begin: Moment | None = Field(None, description="From here on, the rewind point unless given.")
    end: Moment = Field(description="The target is reached here, before training ends.")
    every: Span = Field(default_factory=Span, description="From one pruning to the next.")
