"""The unit: the smallest piece of work that is claimed, done once and kept, named by what made it."""

from functools import cached_property

from pydantic import Field

from winnow.contract.datasets import DatasetFacts
from winnow.contract.ids import model_id
from winnow.contract.inputs import (
    ROLES,
    BroughtInputs,
    ControlInputs,
    EvaluateInputs,
    Inputs,
    Kind,
    LevelInputs,
    OutsideInputs,
)
from winnow.contract.recipes import NetworkShape
from winnow.contract.values import Value, canonical_json, sha256_hex

TORCH_RELEASE = "2.13.0"
"""The release that every result is made with; another one makes other units."""

VERSIONS = {
    "train": 1,
    "level": 1,
    "control": 1,
    "stability": 1,
    "brought": 1,
    "pretrained": 1,
    "evaluate": 1,
    "features": 1,
    "transfer": 1,
}
"""The version of each kind's algorithm: raised when its bytes change, so that old results are not taken for new."""


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
    def processes(self) -> int:
        """How many processes do it together."""
        return getattr(self.inputs, "processes", None) or 1

    @property
    def cores(self) -> int:
        """CPU cores that it keeps busy."""
        return self.processes * self.inputs.threads

    @property
    def gpus(self) -> int:
        """GPUs that it wants: one for each process."""
        return self.processes if self.inputs.resource == "gpu" else 0

    @property
    def facts(self) -> DatasetFacts:
        """The data set of a unit that reads one."""
        assert self.dataset is not None  # noqa: S101 - the caller's mistake: weights from elsewhere want no images
        return self.dataset

    @property
    def network(self) -> NetworkShape:
        """The network that it is about."""
        match self.inputs:
            case OutsideInputs(architecture=architecture, channels=channels, size=size):
                return NetworkShape(architecture, len(self.classes), channels, size)
            case EvaluateInputs(architecture=architecture, classes=count, channels=channels, size=size):
                return NetworkShape(architecture, count, channels, size)
        return self.inputs.recipe.network

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the network it makes, by index."""
        return self.inputs.classes if isinstance(self.inputs, OutsideInputs) else self.facts.classes

    @property
    def seed(self) -> int:
        """What its random numbers follow from; 0 where it draws none."""
        return 0 if isinstance(self.inputs, OutsideInputs | EvaluateInputs) else self.inputs.recipe.seed

    @property
    def replicate(self) -> int:
        """The replicate that it belongs to; 0 where there are none."""
        return 0 if isinstance(self.inputs, OutsideInputs | EvaluateInputs) else self.inputs.recipe.replicate

    @property
    def level(self) -> int:
        """The level it belongs to; 0 where nothing was pruned yet."""
        return self.inputs.depth if isinstance(self.inputs, LevelInputs | ControlInputs) else 0
