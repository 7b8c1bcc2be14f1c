"""What the first process of a unit tells another one, and what that one leaves behind where it cannot do it."""

from pathlib import Path

from winnow.contract.problems import Reason
from winnow.contract.units import Unit
from winnow.contract.values import Record


class Order(Record):
    """Take part in this unit as this rank. `folder` is the process's own, `store` the file where all meet."""

    unit: Unit
    rank: int
    inputs: dict[str, Path]
    data_dir: Path | None
    resident_bytes: int
    decoders: int
    folder: Path
    store: Path

    @property
    def outputs(self) -> Path:
        """Where its files go, which nobody reads."""
        return self.folder / "outputs"

    @property
    def ready(self) -> Path:
        """There once libraries are loaded and it is about to meet the others."""
        return self.folder / "ready"

    @property
    def loaded(self) -> Path:
        """There once it has its images."""
        return self.folder / "loaded"

    @property
    def failure(self) -> Path:
        """There where it could not do the unit: a `Failure`."""
        return self.folder / "failure.json"


class Failure(Record):
    """Why a process could not do its part."""

    reason: Reason
    detail: str
