"""What the specs of several kinds have in common."""

from typing import Annotated, Literal

from pydantic import Field

from winnow.contract.specs.choices import DatasetChoice, ModelChoice
from winnow.contract.specs.grammar import short
from winnow.contract.specs.training import Train
from winnow.contract.values import Value


class Common(Value):
    """What every job says."""

    model: Annotated[ModelChoice, short(ModelChoice)]
    threads: int = Field(1, ge=1, le=64, description="CPU threads for each unit; part of what decides the bytes.")
    resource: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="`auto` takes a GPU where a live worker has one."
    )


class Training(Common):
    """What every job that trains says."""

    dataset: Annotated[DatasetChoice, short(DatasetChoice)]
    train: Train = Field(default_factory=Train)
    seed: int = Field(0, ge=0, lt=2**63, description="Every random number follows from it; 0 is a seed.")
