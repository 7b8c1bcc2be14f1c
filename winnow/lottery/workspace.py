"""What a unit function sees of the world: its input files, a folder for its outputs, checkpoints, and a way out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from winnow.contract.problems import Reason
from winnow.contract.results import Point


class Stop(Exception):
    """Raised by `Workspace.progress`: end at once, after a checkpoint where `checkpoint` says so."""

    def __init__(self, checkpoint: bool) -> None:
        super().__init__("stopped")
        self.checkpoint = checkpoint


class UnitFailed(Exception):
    """The unit cannot be done: trying again would end the same way, or the machine has no room for it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class ProcessLost(Exception):
    """Another process of the unit is gone, or the GPU failed: a loss, as if this process were gone."""


class Workspace(Protocol):
    """One try at one unit."""

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Files by `ROLE/NAME` (roles as in `Unit.parents`), and `dataset` where it was uploaded."""

    @property
    def outputs(self) -> Path:
        """An empty folder."""

    def checkpoint(self, state: Callable[[], bytes], now: bool = False) -> None:
        """Keep what `state()` gives, or not: at epoch ends the workspace decides by time, unless `now`."""

    def restore(self) -> bytes | None:
        """The checkpoint kept last, of this attempt or an earlier one."""

    def progress(self, done: int, of: int, point: Point | None = None) -> None:
        """Say how far it is, in steps; may raise Stop."""


class Repeating:
    """A workspace that can say once more how far it is: for who waits, in the middle of something.

    Before a checkpoint is kept, `look` is asked, which may raise: what is not sound is not to be gone on from.
    """

    def __init__(self, workspace: Workspace, look: Callable[[], None]) -> None:
        self._workspace = workspace
        self._look = look
        self._said = (0, 1)
        self.restore = workspace.restore

    @property
    def inputs(self) -> Mapping[str, Path]:
        """As of the workspace."""
        return self._workspace.inputs

    @property
    def outputs(self) -> Path:
        """As of the workspace."""
        return self._workspace.outputs

    def checkpoint(self, state: Callable[[], bytes], now: bool = False) -> None:
        """As of the workspace, once `look` has nothing to say."""

        def sound() -> bytes:
            self._look()
            return state()

        self._workspace.checkpoint(sound, now)

    def progress(self, done: int, of: int, point: Point | None = None) -> None:
        """As of the workspace."""
        self._said = (done, of)
        self._workspace.progress(done, of, point)

    def again(self) -> None:
        """Say what was said last; may raise Stop."""
        self._workspace.progress(*self._said)
