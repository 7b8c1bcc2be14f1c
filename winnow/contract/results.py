"""What units find, and what a job makes of it: metrics, counts, evidence, rows, verdicts.

Where a shape goes over the wire, its enums are open (`| str`): a reader takes values that came after it.
"""

import math
from typing import Literal

from pydantic import Field

from winnow.contract.specs.jobs import Arm
from winnow.contract.values import Record

Verdict = Literal["winning", "matching", "not_matching", "inconclusive"]
LayerKind = Literal["conv", "linear", "output"]


class Score(Record):
    """One network on one split."""

    correct: int
    images: int
    loss: float = Field(description="Mean cross-entropy in nats.")

    @property
    def accuracy(self) -> float:
        """Correct ÷ images."""
        return self.correct / self.images


class Metrics(Record):
    """The last weights on all three splits, and the test score at the step of lowest validation loss."""

    train: Score
    validation: Score
    test: Score
    best_step: int
    best_validation: Score
    best_test: Score


class TensorCount(Record):
    """One prunable tensor under its mask."""

    name: str
    kind: LayerKind
    shape: tuple[int, ...]
    zeros: int

    @property
    def size(self) -> int:
        """Weights in all."""
        return math.prod(self.shape)


class Check(Record):
    """One thing the audit looked at; `evidence` says what was seen."""

    name: str
    ok: bool
    evidence: str


class FileRef(Record):
    """A file by content."""

    sha256: str
    bytes: int


class Point(Record):
    """A point of the curves of one unit."""

    step: int
    values: dict[str, float]


class UnitResult(Record):
    """What a unit function returns; its files are in the output folder under these names."""

    metrics: Metrics
    tensors: tuple[TensorCount, ...]
    parameters: int = Field(description="All parameters of the network, prunable or not.")
    start_step: int
    end_step: int = Field(description="The last step trained: the budget's, or where early stopping ended it.")
    total_steps: int = Field(description="Steps trained by this arm, those before k included.")
    checks: tuple[Check, ...]
    files: dict[str, FileRef] = Field(default_factory=dict)
    curve: tuple[Point, ...] = ()
    numerics: str = Field(description="The numerics class: CPU vendor and instruction set, or GPU type.")
    seconds: float

    @property
    def prunable(self) -> int:
        """Prunable weights."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def zeros(self) -> int:
        """Masked weights."""
        return sum(tensor.zeros for tensor in self.tensors)


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
    test_accuracy: float


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
    verdict: Verdict | str | None
    model_id: str
    replicates_wanted: int | None = Field(None, description="Where inconclusive: how many would likely settle it.")


class JobResult(Record):
    """The job's two claims."""

    metric: Literal["test_accuracy"] | str = "test_accuracy"
    target: Claim
    sparsest_matching: Claim | None


class TableRow(Record):
    """One arm of one replicate at one level."""

    level: int
    arm: Arm | str
    replicate: int
    sparsity: float
    density: float
    zeros: int
    prunable: int
    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    test_accuracy_at_lowest_validation_loss: float
    total_steps: int
    bytes: int | None = Field(description="Size of the packed ticket.")
    model_id: str | None


class Progress(Record):
    """How far a job is; `fraction` goes by estimated cost."""

    units_done: int
    units_total: int
    fraction: float
