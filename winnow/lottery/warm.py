"""What stays between the units of one process: the data set loaded last, and the graphs made so far. Nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from winnow.contract.datasets import MAX_DECODED, DatasetFacts
from winnow.contract.recipes import NetworkShape
from winnow.contract.units import Unit
from winnow.lottery.data import load, split, stream
from winnow.lottery.data.decoders import Decoders
from winnow.lottery.data.images import Images, Split
from winnow.lottery.distributed.ranks import Ranks
from winnow.lottery.export import graph
from winnow.lottery.workspace import Workspace


class Warm:
    """Kept for speed alone: a unit finds the same bytes with a fresh one.

    Folders whose pixels are more than `resident_bytes` are streamed: `decoders` processes decode images as they are
    wanted. Nothing that comes out depends on either number.
    """

    def __init__(
        self,
        data_dir: Path | None,
        resident_bytes: int = MAX_DECODED,
        decoders: int = 1,
        ranks: Ranks | None = None,
    ) -> None:
        """`ranks`: the processes of the only unit that is done with it."""
        self.data_dir = data_dir
        self.resident_bytes = resident_bytes
        self.decoders = Decoders(decoders)
        self.ranks = ranks
        self._split: tuple[tuple[DatasetFacts, int, str], Split] | None = None
        self._graphs: dict[NetworkShape, bytes] = {}

    def split(self, unit: Unit, workspace: Workspace) -> Split:
        """The unit's data set in its three splits, on the training device."""
        seed, facts = unit.seed, unit.facts
        device = "cuda" if unit.inputs.resource == "gpu" else "cpu"
        key = (facts, seed, device)  # not the fingerprint: one content may be held at two sizes
        if self._split is None or self._split[0] != key:
            self._split = None  # never two data sets at once in memory
            images = self._images(facts, workspace.inputs.get("dataset"))
            self._split = (key, split(images, facts, seed).to(device))
        if self.ranks is None:
            return self._split[1]
        # A warm process has its images at once; those started for this unit may take an hour, and torch waits for less.
        self.ranks.meet(self.decoders.beat)
        return replace(self._split[1], ranks=self.ranks)

    @contextmanager
    def among(self, ranks: Ranks) -> Iterator[None]:
        """The unit that is done in here is shared by these processes."""
        self.ranks = ranks
        try:
            yield
        finally:
            self.ranks = None

    @contextmanager
    def working(self, beat: Callable[[], None]) -> Iterator[None]:
        """While a unit is at work. `beat` is called while it waits for images; who decodes them is gone afterwards."""
        self.decoders.beat = beat
        try:
            yield
        finally:
            self.decoders.rest()

    def _images(self, facts: DatasetFacts, upload: Path | None) -> Images:
        if facts.source == "folder" and facts.decoded > self.resident_bytes:
            return stream(facts, self.data_dir, self.decoders)
        return load(facts, self.data_dir, upload, self.decoders.beat)

    def graph(self, unit: Unit) -> bytes:
        """The ONNX graph, without values, of the network that a unit makes."""
        key = unit.network
        if key not in self._graphs:
            self._graphs[key] = graph(*key)
        return self._graphs[key]
