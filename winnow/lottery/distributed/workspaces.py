"""Workspaces where several processes do one unit: the first keeps checkpoints, all go on from the same one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from winnow.contract.results import Point
from winnow.lottery.distributed.ranks import Ranks
from winnow.lottery.workspace import Workspace


@dataclass(frozen=True)
class FirstWorkspace:
    """The first process's: the unit's own workspace, whose checkpoint the others get to see."""

    own: Workspace
    ranks: Ranks

    @property
    def inputs(self) -> Mapping[str, Path]:
        """As the unit's."""
        return self.own.inputs

    @property
    def outputs(self) -> Path:
        """As the unit's."""
        return self.own.outputs

    def checkpoint(self, state: Callable[[], bytes], now: bool = False) -> None:
        """As the unit's."""
        self.own.checkpoint(state, now)

    def restore(self) -> bytes | None:
        """The checkpoint kept last, told to all."""
        return self.ranks.from_first(self.own.restore())

    def progress(self, done: int, of: int, point: Point | None = None) -> None:
        """As the unit's: a Stop ends this process, and with it the others."""
        self.own.progress(done, of, point)


@dataclass(frozen=True)
class OtherWorkspace:
    """Every other process's: what it makes is thrown away, and nobody is told how far it is."""

    inputs: Mapping[str, Path]
    outputs: Path
    ranks: Ranks

    def checkpoint(self, state: Callable[[], bytes], now: bool = False) -> None:
        """None: the first process keeps one for all."""

    def restore(self) -> bytes | None:
        """The first process's."""
        return self.ranks.from_first(None)

    def progress(self, done: int, of: int, point: Point | None = None) -> None:
        """Nothing: the first process tells how far all are."""
