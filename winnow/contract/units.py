"""The unit: the smallest piece of work that is claimed, done once and kept, named by what made it."""

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from winnow.contract.datasets import DatasetFacts
from winnow.contract.ids import model_id
from winnow.contract.specs.granularity import Granularity
from winnow.contract.specs.jobs import Control
from winnow.contract.specs.pruning import Criterion, Scope
from winnow.contract.specs.training import Augment, Cosine, Optimizer
from winnow.contract.values import Exact, Value, canonical_json, sha256_hex

TORCH_RELEASE = "2.13.0"
"""The release that every result is made with; another one makes other units."""

VERSIONS = {
    "train": 1,
    "level": 1,
    "control": 1,
    "stability": 1,
    "brought": 1,
    "evaluate": 1,
    "features": 1,
    "transfer": 1,
}
"""The version of each kind's algorithm: raised when its bytes change, so that old results are not taken for new."""


class Milestones(Value):
    """The learning rate times `factor` at each of these steps; none for a constant rate."""

    name: Literal["milestones"] = "milestones"
    steps: tuple[int, ...] = ()
    factor: Exact | None = None


LrSchedule = Annotated[Milestones | Cosine, Field(discriminator="name")]


class NetworkShape(NamedTuple):
    """What a network is built from: the architecture's name, classes, channels, height and width in pixels."""

    architecture: str
    classes: int
    channels: int
    size: tuple[int, int]


class Recipe(Value):
    """Everything that decides how one replicate of one network is trained. `steps` is T, where a cosine ends."""

    fingerprint: str
    subset: tuple[int, ...] | None = Field(None, description="Places of the classes taken of the whole; null: all.")
    fraction: Exact = Decimal(1)
    architecture: str
    classes: int
    channels: int
    size: tuple[int, int]
    init: str
    optimizer: Optimizer
    lr_schedule: LrSchedule
    warmup: int = Field(description="Steps over which the learning rate rises; 0 for none.")
    batch_size: int
    steps: int
    augment: Augment
    dropout: Exact
    label_smoothing: Exact
    clip: Exact | None = None
    patience: int | None = Field(
        None, description="Points of the curve without a lower validation loss; null: to the end."
    )
    seed: int
    replicate: int
    copy_number: int | None = Field(
        None, description="Of a copy of this training with other batches, dropout and augmentation; null: itself."
    )

    @property
    def network(self) -> NetworkShape:
        """The network that it trains."""
        return NetworkShape(self.architecture, self.classes, self.channels, self.size)


class Begin(Value):
    """Where a transferred network begins: which values, under which mask, with whose head.

    `init`: those that the model's own training began with; `rewound`: its state at its rewind point; `trained`: those
    that it ended with; `random`: fresh ones. Of the mask null is none. A fresh head is drawn for the new classes, and
    has no mask; a head that is carried knows the classes by another order, perhaps.
    """

    values: Literal["init", "rewound", "trained", "random"]
    mask: Literal["ticket", "shuffled"] | None = None
    step: int | None = Field(None, description="Of `rewound`: the step whose state it is.")
    origin: Recipe | None = Field(None, description="Of `init`: what the model's own training began with.")
    head: tuple[int, ...] | None = Field(None, description="Of each class its place in the model's head; null: fresh.")


class _Inputs(Value):
    recipe: Recipe
    threads: int
    resource: Literal["cpu", "gpu"]


class TrainInputs(_Inputs):
    """From initial to trained weights, keeping the state at each of these steps; or from a model's, under its mask."""

    kind: Literal["train"] = "train"
    keep_steps: tuple[int, ...] = (0,)
    model: str | None = Field(None, description="Key of the unit whose model it begins with; null: a fresh network.")
    begin: Begin | None = None


class Retrain(Value):
    """Where an arm starts from, how long it trains and at which rates.

    `rewound`: from the state at `step` of the dense run; `trained`: from the weights that training ended with, over all
    steps from 0 on. The schedule goes on from `step`, starts again from 0, or stays at its last rate.
    """

    weights: Literal["rewound", "trained"] = "rewound"
    step: int
    optimizer: Literal["restore", "fresh"]
    lr: Literal["resume", "restart", "last"]


Rates = Exact | dict[str, Exact]


class Ramp(Value):
    """Gradual pruning, in steps of the training: from nothing at `begin` to everything at `end`."""

    begin: int
    end: int
    every: int


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
    cut: Exact | None = None
    ramp: Ramp | None = None
    retrain: Retrain


class ControlInputs(_Inputs):
    """An arm at a level, with the level's mask."""

    kind: Literal["control"] = "control"
    arm: Control
    start: str
    level: str = Field(description="Key of the level whose mask is used.")
    granularity: Granularity | None = None
    depth: int
    retrain: Retrain


class BroughtInputs(Value):
    """Weights that somebody brings, made a model: matched with the architecture's tensors, and written as its files."""

    kind: Literal["brought"] = "brought"
    architecture: str
    classes: tuple[str, ...] = Field(description="The classes by the index of their logit.")
    channels: Literal[1, 3]
    size: tuple[int, int]
    mean: tuple[Exact, ...]
    std: tuple[Exact, ...]
    weights: str = Field(description="SHA-256 of the safetensors file that was brought.")
    mask: str | None = Field(None, description="SHA-256 of its mask file.")
    zeros: Literal["masked"] | None = Field(None, description="Weights that are 0 are masked positions.")
    threads: int = 1
    resource: Literal["cpu"] = "cpu"


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
    | EvaluateInputs
    | FeaturesInputs
    | TransferInputs,
    Field(discriminator="kind"),
]

ROLES = ("start", "parent", "level", "model", "features")
"""The fields of inputs that hold the key of another unit: what it is read for."""

Kind = Literal["train", "level", "control", "stability", "brought", "evaluate", "features", "transfer"]


class Unit(Value):
    """A unit as a plan asks for it. Only `inputs` decide its key; the rest says where data lies and what it costs."""

    inputs: Inputs
    dataset: DatasetFacts | None = Field(None, description="The images that it reads, if it reads any.")
    cost: int = Field(description="Training images that go through the network: the estimate that progress goes by.")

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical JSON of everything that decides the outcome.

        What is left out (null) is not in it: an option that comes later leaves the keys of those who do not use it.
        """
        inputs = self.inputs.model_dump(exclude_none=True)
        return sha256_hex(canonical_json({"version": VERSIONS[self.kind], "torch": TORCH_RELEASE, "inputs": inputs}))

    @property
    def kind(self) -> Kind:
        """The kind of work."""
        return self.inputs.kind

    @property
    def parents(self) -> dict[str, str]:
        """Role → key of the units whose outputs this one reads."""
        named = {role: getattr(self.inputs, role, None) for role in ROLES}
        return {role: key for role, key in named.items() if key is not None}

    @property
    def uploads(self) -> dict[str, str]:
        """Name → SHA-256 of the stored files that people sent and this unit reads."""
        if isinstance(self.inputs, BroughtInputs):
            named = {"weights": self.inputs.weights, "mask": self.inputs.mask}
        else:
            named = {"dataset": self.dataset.object if self.dataset else None}
        return {name: sha256 for name, sha256 in named.items() if sha256 is not None}

    @property
    def model_id(self) -> str | None:
        """The id of the model it makes; what is there to be compared with makes none, nor does what only measures."""
        return None if self.kind in ("control", "stability", "evaluate", "features") else model_id(self.key)

    @property
    def facts(self) -> DatasetFacts:
        """The data set of a unit that reads one."""
        assert self.dataset is not None  # noqa: S101 - the caller's mistake: a brought network reads no images
        return self.dataset

    @property
    def network(self) -> NetworkShape:
        """The network that it is about."""
        match self.inputs:
            case BroughtInputs(architecture=architecture, classes=classes, channels=channels, size=size):
                return NetworkShape(architecture, len(classes), channels, size)
            case EvaluateInputs(architecture=architecture, classes=count, channels=channels, size=size):
                return NetworkShape(architecture, count, channels, size)
        return self.inputs.recipe.network

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the network it makes, by index."""
        return self.inputs.classes if isinstance(self.inputs, BroughtInputs) else self.facts.classes

    @property
    def seed(self) -> int:
        """What its random numbers follow from; 0 where it draws none."""
        return 0 if isinstance(self.inputs, BroughtInputs | EvaluateInputs) else self.inputs.recipe.seed

    @property
    def replicate(self) -> int:
        """The replicate that it belongs to; 0 where there are none."""
        return 0 if isinstance(self.inputs, BroughtInputs | EvaluateInputs) else self.inputs.recipe.replicate

    @property
    def level(self) -> int:
        """The level it belongs to; 0 where nothing was pruned yet."""
        return self.inputs.depth if isinstance(self.inputs, LevelInputs | ControlInputs) else 0
