"""How a network is trained and pruned, every choice settled: what the inputs of units are made of."""

from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from winnow.contract.specs.granularity import Granularity
from winnow.contract.specs.training import Augment, Cosine, Optimizer
from winnow.contract.values import Exact, Value


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
    precision: Literal["bf16"] | None = Field(None, description="Of a step's products; null: float32.")
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
    has no mask; a head that is carried knows the classes by another order, perhaps. Fresh modules are like such a head.
    """

    values: Literal["init", "rewound", "trained", "random"]
    mask: Literal["ticket", "shuffled"] | None = None
    granularity: Granularity | None = Field(
        None, description="What the mask was cut in, and `shuffled` moves whole; null: single weights, or not known."
    )
    step: int | None = Field(None, description="Of `rewound`: the step whose state it is.")
    origin: Recipe | None = Field(None, description="Of `init`: what the model's own training began with.")
    head: tuple[int, ...] | None = Field(None, description="Of each class its place in the model's head; null: fresh.")
    fresh: tuple[str, ...] | None = Field(None, description="Modules beside the head that nothing is carried of.")


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
