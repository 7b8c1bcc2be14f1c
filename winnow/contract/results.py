"""What units find: metrics, counts, evidence, curves."""

import math
from fractions import Fraction
from typing import Literal

from pydantic import Field

from winnow.contract.values import Record

LayerKind = Literal["conv", "linear", "output"]


class Score(Record):
    """One network on one split. What is null was not measured, or does not exist on that data set."""

    correct: int
    images: int
    loss: float = Field(description="Mean cross-entropy in nats.")
    correct_top5: int | None = Field(
        None, description="Images whose class is among the five of highest logit; null at five classes or fewer."
    )
    correct_coarse: int | None = Field(
        None, description="Images whose predicted class lies in the right superclass; null without superclasses."
    )
    correct_by_class: tuple[int, ...] | None = Field(None, description="Of the images of each class, those correct.")
    images_by_class: tuple[int, ...] | None = None
    calibration_error: float | None = Field(
        None, description="Expected calibration error over 15 equal bins of the top probability; a share."
    )

    @property
    def accuracy(self) -> float:
        """Correct ÷ images."""
        return self.correct / self.images

    @property
    def top5_accuracy(self) -> float | None:
        """Correct in the first five ÷ images."""
        return None if self.correct_top5 is None else self.correct_top5 / self.images

    @property
    def coarse_accuracy(self) -> float | None:
        """Correct superclass ÷ images."""
        return None if self.correct_coarse is None else self.correct_coarse / self.images

    @property
    def accuracy_by_class(self) -> tuple[float | None, ...] | None:
        """Correct ÷ images of each class; None for a class without images."""
        if self.correct_by_class is None or self.images_by_class is None:
            return None
        pairs = zip(self.correct_by_class, self.images_by_class, strict=True)
        return tuple(correct / images if images else None for correct, images in pairs)


class Metrics(Record):
    """The last weights on all three splits, and the test score at the step of lowest validation loss.

    Everything is measured on validation and test at the end; on training images, and while training goes on, only
    what is correct and the loss. Null is what was not measured: an evaluation looks at test images alone, a brought
    network has met no data set yet.
    """

    train: Score | None = None
    validation: Score | None = None
    test: Score | None = None
    best_step: int | None = None
    best_validation: Score | None = None
    best_test: Score | None = None


class TensorCount(Record):
    """One prunable tensor under its mask."""

    name: str
    kind: LayerKind
    shape: tuple[int, ...]
    zeros: int
    multiplications: int | None = Field(
        None, description="That one weight causes in one forward pass of one image; null where it was not counted."
    )

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


class Line(Record):
    """Validation scores along the straight line between two networks, at evenly spaced points, both ends included."""

    correct: tuple[int, ...]
    images: int
    statistics_images: int = Field(
        description="Training images from which the batch-norm statistics of each point were estimated; 0: it has none."
    )

    @property
    def barrier(self) -> Fraction:
        """The highest error on the line minus the mean of its ends' errors, exactly: a share of the images."""
        return Fraction(self.correct[0] + self.correct[-1] - 2 * min(self.correct), 2 * self.images)


class UnitResult(Record):
    """What a unit function returns; its files are in the output folder under these names."""

    metrics: Metrics = Metrics()
    tensors: tuple[TensorCount, ...]
    parameters: int = Field(description="All parameters of the network, prunable or not.")
    macs_dense: int | None = Field(
        None, description="Multiply-accumulates of one image in all convolutions and linear layers; null: not counted."
    )
    start_step: int = 0
    end_step: int = Field(0, description="The last step trained: the budget's, or where early stopping ended it.")
    total_steps: int = Field(0, description="Steps trained by this arm, those before k included.")
    checks: tuple[Check, ...] = ()
    files: dict[str, FileRef] = Field(default_factory=dict)
    fixed_bytes: int | None = Field(
        None, description="Bytes of the packed ticket that no mask makes fewer: its header, and what is never pruned."
    )
    most_zeros: int | None = Field(
        None, description="Masked weights once every channel has gone that can, where whole channels are pruned."
    )
    line: Line | None = Field(None, description="Of `stability`: from the dense network to its copy.")
    curve: tuple[Point, ...] = ()
    numerics: str = Field(description="The numerics class: CPU vendor and instruction set, or GPU and libraries.")
    seconds: float = Field(description="By the clock, those before the checkpoints that it went on from included.")

    @property
    def prunable(self) -> int:
        """Prunable weights."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def zeros(self) -> int:
        """Masked weights."""
        return sum(tensor.zeros for tensor in self.tensors)

    @property
    def sparsity(self) -> float:
        """Masked ÷ prunable weights."""
        return self.zeros / self.prunable

    @property
    def density(self) -> float:
        """Those that are left ÷ prunable weights."""
        return (self.prunable - self.zeros) / self.prunable

    @property
    def nonzeros(self) -> int:
        """Parameters that are not masked, prunable or not."""
        return self.parameters - self.zeros

    @property
    def macs_effective(self) -> int | None:
        """Those of the weights that are not masked: what is left to compute where zeros cost nothing."""
        saved = [(tensor.multiplications, tensor.zeros) for tensor in self.tensors]
        if self.macs_dense is None or any(each is None for each, _ in saved):
            return None
        return self.macs_dense - sum(each * zeros for each, zeros in saved if each is not None)
