"""What the catalog says of one architecture."""

from functools import cached_property

from pydantic import Field, computed_field

from winnow.contract.catalog.pretrained import Pretrained
from winnow.contract.catalog.tensors import prunable_layers
from winnow.contract.results import LayerKind
from winnow.contract.values import Record

Layers = tuple[tuple[str, LayerKind], ...]


class Listed(Record):
    """A network's shape under a name."""

    name: str
    family: str = Field(description="Those built alike: the file in `winnow/lottery/architectures` that builds it.")
    summary: str
    source: str
    smallest: int = Field(description="The shortest side of an image that it takes, in pixels.")
    dropout: tuple[str, ...] = Field((), description="The layers whose outputs dropout may drop; none: it takes none.")
    gated: bool = Field(False, description="Whether channels are multiplied by a sigmoid of what they all hold.")
    pretrained: Pretrained | None = Field(None, description="Weights to begin with, if any are published.")


class Architecture(Listed):
    """The same, and what of it can be pruned."""

    declared: Layers | None = Field(None, alias="layers", exclude=True, description="For one that has no table yet.")

    @computed_field(description="Name and kind of each prunable tensor, in order, the output last.")  # type: ignore[prop-decorator]  # mypy knows no decorator above a property
    @cached_property
    def layers(self) -> Layers:
        """Its prunable tensors, read from its table when first asked for."""
        return prunable_layers(self.name) if self.declared is None else self.declared

    @property
    def head(self) -> str:
        """The module of its output layer."""
        return next(name.removesuffix(".weight") for name, kind in self.layers if kind == "output")
