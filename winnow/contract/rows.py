"""What a job makes of its units' results: rows, claims, verdicts, progress.

Where a shape goes over the wire, its enums are open (`| str`): a reader takes values that came after it.
"""

from typing import Any, Literal

from pydantic import Field

from winnow.contract.specs.jobs import Arm
from winnow.contract.values import Record

Verdict = Literal["winning", "matching", "not_matching", "inconclusive"]


class ArmSummary(Record):
    """Test accuracy of one arm over replicates: mean and two-sided 95 % interval (null at n = 1)."""

    n: int
    mean: float
    low: float | None
    high: float | None


class ModelRow(Record):
    """The model that one replicate made at one level."""

    replicate: int
    arm: Arm | str
    model_id: str
    test_accuracy: float | None


class LevelRow(Record):
    """One level over all replicates."""

    level: int
    sparsity: float
    density: float
    zeros: int
    prunable: int
    sparsity_of_all: float = Field(description="Masked ÷ all parameters, biases and normalisation included.")
    arms: dict[Arm | str, ArmSummary | None]
    verdict: Verdict | str | None
    model_id: str | None
    models: tuple[ModelRow, ...]


class Claim(Record):
    """One level that the job answers for."""

    level: int
    sparsity: float
    asked: float | None = Field(None, description="The sparsity asked for, where whole channels reach past it.")
    verdict: Verdict | str | None
    model_id: str
    replicates_wanted: int | None = Field(None, description="Where inconclusive: how many would likely settle it.")


class TriedRewind(Record):
    """A rewind point that was tried for `"rewind": "auto"`."""

    step: int
    barrier: float = Field(description="Error barrier between two copies trained from there, on validation, 0–1.")
    stable: bool
    unit: str


class FoundRewind(Record):
    """The rewind point that `"rewind": "auto"` took for all replicates, found on the dense network of replicate 0."""

    step: int
    stable: bool = Field(description="Where false, no point tried was: the last one was taken.")
    tried: tuple[TriedRewind, ...]


class JobResult(Record):
    """The job's two claims."""

    metric: Literal["test_accuracy"] | str = "test_accuracy"
    target: Claim
    target_reached: bool = Field(True, description="Where false, `target` is the last level there is, or dense.")
    sparsest_matching: Claim | None
    rewind: FoundRewind | None = Field(None, description='Of `"rewind": "auto"`; null where a point was given.')


class PointRow(Record):
    """One point of a sweep: a job of its own, but for its name."""

    at: dict[str, Any] = Field(description="The value of each field that is swept, by its path.")
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"] | str = Field(
        description="`queued` until the first of its units is done."
    )
    levels: tuple[LevelRow, ...]
    result: JobResult | None = None


class TableRow(Record):
    """One arm of one replicate at one level."""

    at: dict[str, Any] | None = Field(None, description="The point, in a sweep; null where there is none.")

    level: int
    arm: Arm | str
    replicate: int
    sparsity: float
    density: float
    zeros: int
    prunable: int
    train_accuracy: float | None
    validation_accuracy: float | None
    test_accuracy: float | None
    test_accuracy_at_lowest_validation_loss: float | None
    total_steps: int
    bytes: int | None = Field(description="Size of the packed ticket.")
    model_id: str | None
    test_top5_accuracy: float | None = Field(None, description="Null at five classes or fewer.")
    test_coarse_accuracy: float | None = Field(
        None, description="The share whose predicted class lies in the right superclass; null without superclasses."
    )
    test_calibration_error: float | None = Field(None, description="Expected calibration error over 15 equal bins.")
    nonzeros: int | None = Field(None, description="Parameters that are not masked, biases and normalisation included.")
    macs_dense: int | None = Field(
        None, description="Multiply-accumulates of one image in convolutions and linear layers, as if none were masked."
    )
    macs_effective: int | None = Field(None, description="Those of the weights that are not masked.")
    train_loss: float | None = Field(None, description="Mean cross-entropy in nats, labels as they are.")
    validation_loss: float | None = None
    test_loss: float | None = None
    parameters: int | None = Field(None, description="All values that training may change.")
    step_of_lowest_validation_loss: int | None = Field(None, description="Of those at which validation was measured.")


class Progress(Record):
    """How far a job is; `fraction` goes by estimated cost."""

    units_done: int
    units_total: int
    fraction: float
