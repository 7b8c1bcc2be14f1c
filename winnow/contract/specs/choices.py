"""What a job works on: a data set, or a part of it, and an architecture."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from winnow.contract.specs.grammar import exactly_one
from winnow.contract.values import Exact, Value

Pixels = Annotated[int, Field(ge=1, le=1024)]
ClassName = Annotated[str, Field(min_length=1, max_length=1000)]
MAX_NAMES = 2**20
"""Bytes of all class names together as JSON: they are in every unit and in every file of a network."""


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
    """An architecture by name, a model by id, or the target model of another job, which is done first."""

    name: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="An architecture (GET /v1/architectures), or a model, `mdl_…`.",
    )
    job: dict[str, Any] | None = Field(
        None, description="Instead of a name: a job, as it would be posted. This one begins with its target's model."
    )
    weights: Literal["pretrained"] | None = Field(
        None,
        description="Begin with weights trained on ImageNet-1K; refused where there are none. Fresh unless given.",
    )
    dropout: Exact = Field(
        Decimal(0), ge=0, lt=1, description="Share of the hidden linear layers' outputs dropped in training."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        exactly_one(self, "name", "job")
        if self.weights is not None and self.name is None:
            raise ValueError("a job brings its own weights: leave `weights` out")
        return self
