"""What the service knows of architectures, criteria and built-in data sets without importing torch.

A table of values; `tests/unit/lottery/test_catalog.py` holds it equal to what `winnow.lottery` builds.
"""

from winnow.contract.datasets import DatasetFacts
from winnow.contract.results import LayerKind
from winnow.contract.values import Record


class Architecture(Record):
    """A network's shape under a name."""

    name: str
    summary: str
    source: str
    smallest: int
    layers: tuple[tuple[str, LayerKind], ...]


class CriterionEntry(Record):
    """A way to score weights."""

    name: str
    summary: str
    source: str


def _layers(hidden: tuple[tuple[str, LayerKind], ...], output: str) -> tuple[tuple[str, LayerKind], ...]:
    return (*hidden, (output, "output"))


ARCHITECTURES: dict[str, Architecture] = {}

CRITERIA: dict[str, CriterionEntry] = {
    "magnitude": CriterionEntry(
        name="magnitude",
        summary="Keeps the weights of largest absolute value.",
        source="Han et al. 2015, arXiv:1506.02626",
    )
}

DATASETS: dict[str, DatasetFacts] = {}
