"""A folder of units: finished ones, and what is left of those that were cut off.

`units/KEY/` holds the files of a finished unit, `unit.json` and `result.json`; it appears whole, by a rename.
`work/KEY/` is a unit in the middle: its outputs so far and its last checkpoint.
"""

import fcntl
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from winnow.artifact.atomic import write_atomically
from winnow.artifact.digest import file_ref
from winnow.contract.lineage import lineage
from winnow.contract.problems import Conflict, NotFound
from winnow.contract.results import Point, UnitResult
from winnow.contract.units import Unit
from winnow.contract.values import sha256_hex
from winnow.lottery.numerics import numerics_class

CHECKPOINT_SECONDS = 10.0
_KEY = re.compile("[0-9a-f]{64}")
_DIGEST = hashlib.sha256().digest_size

Progress = Callable[[int, int, Point | None], None]


class Folder:
    """Results by unit key, on disk; what a kill leaves behind is used or made again, never believed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._units = path / "units"
        self._units.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time; the lock ends with the process. Raises Conflict where another one is at work."""
        with (self._path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(
                    f"Another run is at work in {self._path}. Wait for it, or give another folder."
                ) from error
            yield

    def results(self) -> dict[str, UnitResult]:
        """The finished units whose files are all as their result says; others are thrown away and done again."""
        found = {}
        for folder in sorted(path for path in self._units.iterdir() if _KEY.fullmatch(path.name) and path.is_dir()):
            result = _read(folder)
            if result is None:
                shutil.rmtree(folder)
            else:
                found[folder.name] = result
                shutil.rmtree(self._path / "work" / folder.name, ignore_errors=True)  # a kill just after the rename
        return found

    def models(self) -> dict[str, Path]:
        """The folder of each model that was made here, by the model's id."""
        made = self._made().items()
        return {unit.model_id: self._units / key for key, unit in made if unit.model_id is not None}

    def units_behind(self, model_id: str) -> tuple[Unit, ...]:
        """The finished unit that made a model, then those that it stands on. Raises NotFound."""
        made = self._made()
        first = next((unit for unit in made.values() if unit.model_id == model_id), None)
        if first is None:
            raise NotFound(f"There is no model {model_id!r} in {self._path}: it is not one that was made there.")
        return lineage(first, made.get)

    def workspace(self, unit: Unit, uploads: Mapping[str, Path], progress: Progress) -> "FolderWorkspace":
        """A try at a unit, with empty outputs and the checkpoint of the try before, if it was cut off."""
        inputs = {
            f"{role}/{path.name}": path for role, key in unit.parents.items() for path in (self._units / key).iterdir()
        }
        inputs |= uploads
        return FolderWorkspace(inputs, self._path / "work" / unit.key, numerics_class(unit.inputs.resource), progress)

    def finish(self, unit: Unit, workspace: "FolderWorkspace", result: UnitResult) -> None:
        """Make a unit's files appear, whole."""
        write_atomically(workspace.outputs / "unit.json", [unit.model_dump_json(indent=1).encode()])
        write_atomically(workspace.outputs / "result.json", [result.model_dump_json(indent=1).encode()])
        workspace.outputs.rename(self._units / unit.key)
        shutil.rmtree(workspace.folder)

    def _made(self) -> dict[str, Unit]:
        """The finished units by their keys."""
        paths = sorted(self._units.glob("*/unit.json"))
        return {path.parent.name: Unit.model_validate_json(path.read_bytes()) for path in paths}


class FolderWorkspace:
    """A unit's workspace in a folder of its own."""

    def __init__(self, inputs: Mapping[str, Path], folder: Path, numerics: str, progress: Progress) -> None:
        self.inputs = inputs
        self.folder = folder
        self.outputs = folder / "outputs"
        self._told = progress
        # A checkpoint of another numerics class has another name, so it is not found.
        self._checkpoint = folder / f"checkpoint-{sha256_hex(numerics.encode())[:16]}"
        self._next = time.monotonic() + CHECKPOINT_SECONDS
        shutil.rmtree(self.outputs, ignore_errors=True)
        self.outputs.mkdir(parents=True)

    def checkpoint(self, state: Callable[[], bytes], now: bool = False) -> None:
        """Every 10 seconds at most, or now."""
        if now or time.monotonic() >= self._next:
            data = state()
            write_atomically(self._checkpoint, [hashlib.sha256(data).digest(), data])
            self._next = time.monotonic() + CHECKPOINT_SECONDS

    def restore(self) -> bytes | None:
        """The last checkpoint of this numerics class, if it is whole: a machine that lost power may have torn it."""
        kept = self._checkpoint.read_bytes() if self._checkpoint.exists() else b""
        data = kept[_DIGEST:]
        return data if hashlib.sha256(data).digest() == kept[:_DIGEST] else None

    def progress(self, done: int, of: int, point: Point | None = None) -> None:
        """Pass on how far it is."""
        self._told(done, of, point)


def _read(folder: Path) -> UnitResult | None:
    try:
        result = UnitResult.model_validate_json((folder / "result.json").read_bytes())
        whole = all(file_ref(folder / name) == ref for name, ref in result.files.items())
    except (ValueError, FileNotFoundError):
        return None
    return result if whole else None
