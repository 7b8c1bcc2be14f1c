"""What decides the outcome of a unit, by its kind, and nothing else."""

from typing import Annotated, Literal

from pydantic import Field

from winnow.contract.catalog.pretrained import imagenet_classes
from winnow.contract.recipes import Begin, Ramp, Rates, Recipe, Retrain
from winnow.contract.specs.granularity import Granularity
from winnow.contract.specs.jobs import Control
from winnow.contract.specs.pruning import Criterion, Scope
from winnow.contract.values import Exact, Value


class _Inputs(Value):
    recipe: Recipe
    threads: int
    processes: int | None = Field(None, description="That share each batch, with so many threads or a GPU each.")
    resource: Literal["cpu", "gpu"]


class TrainInputs(_Inputs):
    """From initial to trained weights, keeping the state at each of these steps; or from a model's, under its mask."""

    kind: Literal["train"] = "train"
    keep_steps: tuple[int, ...] = (0,)
    model: str | None = Field(None, description="Key of the unit whose model it begins with; null: a fresh network.")
    begin: Begin | None = None


class LevelInputs(_Inputs):
    """Prune the parent, rewind to the start's state at k, retrain.

    `rates` with `depth` name a full-rate level: the share masked follows from them. `cut` names the sparsity of a
    last level that lands exactly on a target off that grid. N:M needs no rates: its groups say how many go.
    With a ramp it prunes on the way from k to the end, and not before.
    """

    kind: Literal["level"] = "level"
    start: str = Field(description="Key of the train unit that kept the state at k.")
    parent: str = Field(description="Key of the unit that is pruned: the train unit at depth 1, else the level above.")
    criterion: Criterion
    scope: Scope
    granularity: Granularity | None = None
    rates: Rates | None
    depth: int
    skipped: int | None = Field(
        None, description="Levels left out at the top, where trained weights stay and came sparser; null: none."
    )
    cut: Exact | None = None
    ramp: Ramp | None = None
    retrain: Retrain

    @property
    def steps_before(self) -> int:
        """Steps trained when this level's own begin: those to k, or, where trained weights stay, all above it."""
        levels_above = self.depth - (self.skipped or 0)
        return levels_above * self.recipe.steps if self.retrain.weights == "trained" else self.retrain.step


class ControlInputs(_Inputs):
    """An arm at a level, with the level's mask."""

    kind: Literal["control"] = "control"
    arm: Control
    start: str
    level: str = Field(description="Key of the level whose mask is used.")
    granularity: Granularity | None = None
    depth: int
    retrain: Retrain


class OutsideInputs(Value):
    """Weights from elsewhere, made a model: matched with the architecture's tensors, and written as its files."""

    architecture: str
    channels: Literal[1, 3]
    size: tuple[int, int]
    mean: tuple[Exact, ...]
    std: tuple[Exact, ...]
    threads: int = 1
    resource: Literal["cpu"] = "cpu"


class BroughtInputs(OutsideInputs):
    """Weights that somebody brings."""

    kind: Literal["brought"] = "brought"
    classes: tuple[str, ...] = Field(description="The classes by the index of their logit.")
    weights: str = Field(description="SHA-256 of the safetensors file that was brought.")
    mask: str | None = Field(None, description="SHA-256 of its mask file.")
    zeros: Literal["masked"] | None = Field(None, description="Weights that are 0 are masked positions.")


class PretrainedInputs(OutsideInputs):
    """Weights that torchvision's authors publish."""

    kind: Literal["pretrained"] = "pretrained"
    file: str = Field(description="Its published name, which ends in the first digits of its SHA-256.")

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes by the index of their logit: of all such files the same, so no part of a key."""
        return imagenet_classes()


class EvaluateInputs(Value):
    """A model, as it is, measured on the test images of a data set."""

    kind: Literal["evaluate"] = "evaluate"
    model: str = Field(description="Key of the unit that made the model.")
    architecture: str
    classes: int = Field(description="Of the model.")
    fingerprint: str
    channels: int
    size: tuple[int, int]
    subset: tuple[int, ...] | None = Field(None, description="Places of the classes taken of the whole; null: all.")
    labels: tuple[int, ...] = Field(description="The model's class, by index, that each class taken is called.")
    threads: int
    resource: Literal["cpu", "gpu"]


class StabilityInputs(_Inputs):
    """A copy of the dense training from its state at `step` on, and the straight line between the two."""

    kind: Literal["stability"] = "stability"
    start: str = Field(description="Key of the train unit that kept the state at this step, and ended as copy 0.")
    step: int
    mask: Literal["start"] | None = Field(None, description="That both copies train under; null: they are dense.")


class _BegunInputs(_Inputs):
    model: str = Field(description="Key of the unit that made the model.")
    start: str | None = Field(None, description="Key of the train unit that kept the state at its rewind point.")
    begin: Begin


class FeaturesInputs(_BegunInputs):
    """What the frozen part of a network makes of every image. The recipe says of training nothing."""

    kind: Literal["features"] = "features"
    trainable: tuple[str, ...]


class TransferInputs(_BegunInputs):
    """A model's network, or its ticket's, trained on other images. They are normalised as the model's were."""

    kind: Literal["transfer"] = "transfer"
    trainable: tuple[str, ...] | None = Field(None, description="The modules that train; null: all.")
    features: str | None = Field(None, description="Key of the unit with the features of the frozen part.")


Inputs = Annotated[
    TrainInputs
    | LevelInputs
    | ControlInputs
    | StabilityInputs
    | BroughtInputs
    | PretrainedInputs
    | EvaluateInputs
    | FeaturesInputs
    | TransferInputs,
    Field(discriminator="kind"),
]

ROLES = ("start", "parent", "level", "model", "features")
"""The fields of inputs that hold the key of another unit: what it is read for."""

Kind = Literal["train", "level", "control", "stability", "brought", "pretrained", "evaluate", "features", "transfer"]
