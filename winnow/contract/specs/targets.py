"""What a ticket has to reach: a sparsity, or what the levels' results decide."""

from typing import Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from winnow.contract.specs.grammar import exactly_one
from winnow.contract.values import Exact, Value


class Target(Value):
    """What the ticket has to reach: one of these."""

    sparsity: Exact | None = Field(None, gt=0, lt=1, description="Share of the prunable weights to mask, below 1.")
    max_accuracy_drop: Exact | None = Field(
        None,
        ge=0,
        le=100,
        description="Accuracy points that the ticket may lose against dense: as many levels as hold that on validation "
        "images, and the first that does not. `margin` has no say in it, only in verdicts.",
    )
    max_bytes: int | None = Field(
        None,
        ge=1,
        le=2**32,
        description="Size that each replicate's packed ticket (`ticket.winnow`) may have: levels until one fits.",
    )

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        exactly_one(self, "sparsity", "max_accuracy_drop", "max_bytes")
        return self

    @model_serializer(mode="wrap")
    def _only_the_one_given(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in plain(self).items() if value is not None}
