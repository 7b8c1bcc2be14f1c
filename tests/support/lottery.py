"""Small trainings: a recipe, a data set that can be learnt, and a workspace in memory that can stop anywhere."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.recipes import Milestones, Recipe
from winnow.contract.results import Point, UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.contract.specs.training import Adam, AdamW, Augment, Sgd
from winnow.contract.units import Unit
from winnow.lottery.data.images import Part, Split
from winnow.lottery.inits import initial
from winnow.lottery.selection import Mask
from winnow.lottery.state import State
from winnow.lottery.units import Warm, run
from winnow.lottery.workspace import Stop
from winnow.plan import Pending, Resolved, plan, resolve

MOMENTUM = Sgd(lr=Decimal("0.05"), momentum=Decimal("0.9"), weight_decay=Decimal("0.01"))
NESTEROV = MOMENTUM.model_copy(update={"nesterov": True})
DECAYING_ADAM = Adam(lr=Decimal("0.01"), weight_decay=Decimal("0.01"))
DECOUPLED_ADAM = AdamW(lr=Decimal("0.01"), weight_decay=Decimal("0.1"))
OPTIMIZERS = (MOMENTUM, NESTEROV, DECAYING_ADAM, DECOUPLED_ADAM)


def recipe(architecture: str = "lenet_300_100", **changes: Any) -> Recipe:
    """Three classes of 8×8 images, 9 steps of 16 images."""
    settings: dict[str, Any] = {
        "fingerprint": "0" * 64,
        "architecture": architecture,
        "classes": 3,
        "channels": 1,
        "size": (8, 8),
        "init": "glorot_normal",
        "optimizer": Adam(lr=Decimal("0.003")),
        "lr_schedule": Milestones(),
        "warmup": 0,
        "batch_size": 16,
        "steps": 9,
        "augment": Augment(),
        "dropout": Decimal(0),
        "label_smoothing": Decimal(0),
        "clip": None,
        "patience": None,
        "seed": 0,
        "replicate": 0,
    }
    return Recipe(**settings | changes)


def split(train: int = 60, validation: int = 20, test: int = 25) -> Split:
    """Images whose class is a bright third, under noise; an epoch has 4 steps of 16 images, the last one of 12."""
    parts = [_part(size, seed) for seed, size in enumerate((train, validation, test))]
    return Split(*parts, Preprocessing(channels=1, size=(8, 8), mean=(0.4,), std=(0.25,)))


def _part(size: int, seed: int) -> Part:
    random = np.random.default_rng(seed)
    y = np.arange(size) % 3
    x = random.integers(0, 200, (size, 1, 8, 8))
    for image, label in zip(x, y, strict=True):
        image[:, 2 * label : 2 * label + 3] += 55
    return Part(torch.from_numpy(x.astype(np.uint8)), torch.from_numpy(y))


def start(settings: Recipe, seed: int = 0) -> State:
    """Fresh values at step 0."""
    return State(0, initial(settings, seed), {})


def random_masks(settings: Recipe, density: float = 0.3, seed: int = 0) -> dict[str, Mask]:
    """A random mask over each prunable tensor."""
    random = np.random.default_rng(seed)
    values = initial(settings, 0)
    return {
        name: random.random(values[name].shape) < density for name, _ in ARCHITECTURES[settings.architecture].layers
    }


class MemoryWorkspace:
    """A workspace whose checkpoints stay in memory; `stop` is asked at each call of `progress`, with the steps done."""

    def __init__(
        self,
        outputs: Path | None = None,
        inputs: Mapping[str, Path] | None = None,
        stop: Callable[[int], bool] = lambda _done: False,
        saved: bytes | None = None,
        keep: bool = True,
    ) -> None:
        self.inputs = inputs or {}
        self._outputs = outputs
        self.stop = stop
        self.saved = saved
        self.keep = keep
        self.seen: list[tuple[int, int, Point | None]] = []

    @property
    def outputs(self) -> Path:
        assert self._outputs is not None, "this workspace has no folder"
        return self._outputs

    def checkpoint(self, state: Callable[[], bytes], now: bool = False) -> None:
        if now:
            self.saved = state()

    def restore(self) -> bytes | None:
        return self.saved

    def progress(self, done: int, of: int, point: Point | None = None) -> None:
        self.seen.append((done, of, point))
        if self.stop(done):
            raise Stop(checkpoint=self.keep)


def after(calls: int) -> Callable[[int], bool]:
    """For a workspace: stop when this many calls have passed."""
    left = iter([False] * calls)
    return lambda _done: next(left, True)


def digits_job(resource: Literal["cpu", "gpu"] = "cpu", /, **changes: Any) -> Resolved:
    """A pruning job on digits, a fraction of a second a unit: two levels, both controls, rewinding to step 5."""
    spec: dict[str, Any] = {
        "kind": "prune",
        "dataset": "digits",
        "model": "digits_cnn",
        "target": {"sparsity": 0.5},
        "train": {"steps": 12, "optimizer": {"name": "sgd", "lr": 0.05}},
        "method": {"schedule": {"name": "iterative", "rate": 0.4}, "rewind": {"step": 5}},
        "replicates": 1,
    }
    return resolve(SPEC.validate_python(spec | changes), DATASETS["digits"], resource)


def inputs_of(unit: Unit, folder: Path) -> dict[str, Path]:
    """What a unit's parents left in FOLDER/KEY, under the names that a workspace gives them; FOLDER/SHA-256 is sent."""
    sent = {name: folder / sha256 for name, sha256 in unit.uploads.items()}
    return sent | {
        f"{role}/{path.name}": path for role, key in unit.parents.items() for path in (folder / key).iterdir()
    }


def do(unit: Unit, folder: Path, warm: Warm) -> UnitResult:
    """Run a unit into FOLDER/KEY, where its parents lie too."""
    outputs = folder / unit.key
    outputs.mkdir()
    return run(unit, MemoryWorkspace(outputs, inputs_of(unit, folder)), warm)


def do_all(job: Resolved, folder: Path, warm: Warm) -> dict[str, UnitResult]:
    """Run all units of a job; results by key, in the order in which they were done."""
    results: dict[str, UnitResult] = {}
    while isinstance(step := plan(job, results), Pending):
        unit = step.units[0]
        results[unit.key] = do(unit, folder, warm)
    return results
