"""What stays between the units of one process: the data set loaded last, and the graphs made so far. Nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from winnow.contract.datasets import DatasetFacts
from winnow.contract.recipes import NetworkShape
from winnow.contract.units import Unit
from winnow.lottery.data import load, split
from winnow.lottery.data.images import Split
from winnow.lottery.distributed.ranks import Ranks
from winnow.lottery.export import graph
from winnow.lottery.workspace import Workspace


class Warm:
    """Kept for speed alone: a unit finds the same bytes with a fresh one."""

    def __init__(self, data_dir: Path | None, ranks: Ranks | None = None) -> None:
        """`ranks`: the processes of the only unit that is done with it."""
        self.data_dir = data_dir
        self.ranks = ranks
        self._split: tuple[tuple[DatasetFacts, int, str], Split] | None = None
        self._graphs: dict[NetworkShape, bytes] = {}

    def split(self, unit: Unit, workspace: Workspace) -> Split:
        """The unit's data set in its three splits, resident on the training device."""
        seed, facts = unit.seed, unit.facts
        device = "cuda" if unit.inputs.resource == "gpu" else "cpu"
        key = (facts, seed, device)  # not the fingerprint: one content may be held at two sizes
        if self._split is None or self._split[0] != key:
            self._split = None  # never two data sets at once in memory
            images = load(facts, self.data_dir, workspace.inputs.get("dataset"))
            self._split = (key, split(images, facts, seed).to(device))
        return self._split[1] if self.ranks is None else replace(self._split[1], ranks=self.ranks)

    @contextmanager
    def among(self, ranks: Ranks) -> Iterator[None]:
        """The unit that is done in here is shared by these processes."""
        self.ranks = ranks
        try:
            yield
        finally:
            self.ranks = None

    def graph(self, unit: Unit) -> bytes:
        """The ONNX graph, without values, of the network that a unit makes."""
        key = unit.network
        if key not in self._graphs:
            self._graphs[key] = graph(*key)
        return self._graphs[key]
