"""The unit: the smallest piece of work that is claimed, done once and kept, named by what made it."""

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

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

VERSIONS = {"train": 1, "level": 1, "control": 1}
"""The version of each kind's algorithm: raised when its bytes change, so that old results are not taken for new."""


class Milestones(Value):
    """The learning rate times `factor` at each of these steps; none for a constant rate."""

    name: Literal["milestones"] = "milestones"
    steps: tuple[int, ...] = ()
    factor: Exact | None = None


LrSchedule = Annotated[Milestones | Cosine, Field(discriminator="name")]


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


class _Inputs(Value):
    recipe: Recipe
    threads: int
    resource: Literal["cpu", "gpu"]


class TrainInputs(_Inputs):
    """From initial to trained weights, keeping the state at each of these steps."""

    kind: Literal["train"] = "train"
    keep_steps: tuple[int, ...] = (0,)


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


class LevelInputs(_Inputs):
    """Prune the parent, rewind to the start's state at k, retrain.

    `rates` with `depth` name a full-rate level: the share masked follows from them. `cut` names the sparsity of a
    last level that lands exactly on a target off that grid. N:M needs no rates: its groups say how many go.
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


Inputs = Annotated[TrainInputs | LevelInputs | ControlInputs, Field(discriminator="kind")]


class Unit(Value):
    """A unit as a plan asks for it. Only `inputs` decide its key; the rest says where data lies and what it costs."""

    inputs: Inputs
    dataset: DatasetFacts
    cost: int = Field(description="Training images that go through the network: the estimate that progress goes by.")

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical JSON of everything that decides the outcome.

        What is left out (null) is not in it: an option that comes later leaves the keys of those who do not use it.
        """
        inputs = self.inputs.model_dump(exclude_none=True)
        return sha256_hex(canonical_json({"version": VERSIONS[self.kind], "torch": TORCH_RELEASE, "inputs": inputs}))

    @property
    def kind(self) -> Literal["train", "level", "control"]:
        """The kind of work."""
        return self.inputs.kind

    @property
    def parents(self) -> dict[str, str]:
        """Role → key of the units whose outputs this one reads."""
        match self.inputs:
            case LevelInputs(start=start, parent=parent):
                return {"start": start, "parent": parent}
            case ControlInputs(start=start, level=level):
                return {"start": start, "level": level}
        return {}

    @property
    def model_id(self) -> str | None:
        """The id of the model it makes; a control makes none."""
        return None if self.kind == "control" else model_id(self.key)
