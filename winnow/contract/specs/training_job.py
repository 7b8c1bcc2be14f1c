"""What every job that trains says, and what it shares with those that do not."""

from typing import Annotated, Literal

from pydantic import Field

from winnow.contract.specs.choices import DatasetChoice, ModelChoice
from winnow.contract.specs.grammar import short
from winnow.contract.specs.sweep import Sweep
from winnow.contract.specs.training import Train
from winnow.contract.values import Value

Dataset = Annotated[DatasetChoice, short(DatasetChoice)]
Model = Annotated[ModelChoice, short(ModelChoice)]
Threads = Annotated[int, Field(ge=1, le=64, description="CPU threads for each unit; part of what decides the bytes.")]
Resource = Annotated[
    Literal["auto", "cpu", "gpu"], Field(description="`auto` takes a GPU where a live worker has one.")
]


class Training(Value):
    """What every job that trains says."""

    dataset: Dataset
    model: Model
    train: Train = Field(default_factory=Train)
    seed: int = Field(0, ge=0, lt=2**63, description="Every random number follows from it; 0 is a seed.")
    threads: Threads = 1
    processes: int | None = Field(
        None,
        ge=2,
        le=64,
        description="Processes that share each batch, each with `threads` threads, or with a GPU; null: one process.",
    )
    resource: Resource = "auto"
    sweep: Sweep | None = None
