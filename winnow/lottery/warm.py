"""What stays between the units of one process: the data set loaded last, and the graphs made so far. Nothing else."""

from pathlib import Path

from winnow.contract.datasets import DatasetFacts
from winnow.contract.units import Recipe, Unit
from winnow.lottery.data import load, split
from winnow.lottery.data.images import Split
from winnow.lottery.export import graph
from winnow.lottery.workspace import Workspace


class Warm:
    """Kept for speed alone: a unit finds the same bytes with a fresh one."""

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir
        self._split: tuple[tuple[DatasetFacts, int, str], Split] | None = None
        self._graphs: dict[tuple[str, int, int, tuple[int, int]], bytes] = {}

    def split(self, unit: Unit, workspace: Workspace) -> Split:
        """The unit's data set in its three splits, resident on the training device."""
        recipe, facts = unit.inputs.recipe, unit.dataset
        device = "cuda" if unit.inputs.resource == "gpu" else "cpu"
        key = (facts, recipe.seed, device)  # not the fingerprint: one content may be held at two sizes
        if self._split is None or self._split[0] != key:
            self._split = None  # never two data sets at once in memory
            images = load(facts, self._data_dir, workspace.inputs.get("dataset"))
            self._split = (key, split(images, facts, recipe.seed).to(device))
        return self._split[1]

    def graph(self, recipe: Recipe) -> bytes:
        """The network's ONNX graph without values."""
        key = (recipe.architecture, recipe.classes, recipe.channels, recipe.size)
        if key not in self._graphs:
            self._graphs[key] = graph(*key)
        return self._graphs[key]
