"""A head trained on features that were computed once, beside the same training that shows the images every time.

    python bench/features.py [--pairs 3] [--out docs/results/features.md]

`torchvision/resnet18` with a fresh head, all else of it frozen, on the 1,797 digits at 64×64 pixels in three channels,
10 epochs. One side is the two units `features` and `transfer`, the other the unit `transfer` without features: with
all that they measure, and the files that they write. Its weights are random: speed does not depend on them. In turn,
one thread. Promises are held by processor seconds, as other work may share the machine, with wall seconds beside.
Both must end with the same logits. Fails where a promise is broken.
"""

import argparse
import hashlib
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, cast

from winnow.lottery.numerics import environment

if "MKL_CBWR" not in os.environ:  # what a runner fixes before torch is imported
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | environment(1))  # noqa: S606 - itself

import numpy as np
import torch

from winnow.artifact.weights import read_weights, write_weights
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.inputs import BroughtInputs, TransferInputs
from winnow.contract.results import Point
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.lottery.architectures import build
from winnow.lottery.data.batches import in_order
from winnow.lottery.inits import initial
from winnow.lottery.state import load_network
from winnow.lottery.units import Warm, run
from winnow.plan import Resolved, places, resolve
from winnow.plan.chains import recipe_of

FASTER, SAME = 5.0, 1e-4
SIDE, EPOCHS = 64, 10


class Seconds(NamedTuple):
    """How long something took."""

    processor: float
    wall: float


@dataclass
class Workspace:
    """A unit's files in folders; nothing is kept or told."""

    inputs: Mapping[str, Path]
    outputs: Path

    def checkpoint(self, state: Callable[[], bytes], now: bool = False) -> None:
        """Nothing."""

    def restore(self) -> bytes | None:
        """Nothing."""
        return None

    def progress(self, done: int, of: int, point: Point | None = None) -> None:
        """Nothing."""


def job(source: Unit) -> Resolved:
    """The transfer of a head alone, without a mask."""
    spec = {
        "kind": "transfer",
        "model": "mdl_source",
        "dataset": "digits",
        "trainable": "head",
        "arms": ["no_mask"],
        "train": {"epochs": EPOCHS, "init": "torch"},
        "replicates": 1,
    }
    return resolve(SPEC.validate_python(spec), DATASETS["digits"], "cpu", (source,))


def brought(weights: Path) -> Unit:
    """The unit that takes those weights in, of a network that knows other classes."""
    return Unit(
        inputs=BroughtInputs(
            architecture="torchvision/resnet18",
            classes=tuple("abcdefghij"),
            channels=3,
            size=(SIDE, SIDE),
            mean=(Decimal("0.3"),) * 3,
            std=(Decimal("0.375"),) * 3,
            weights=hashlib.sha256(weights.read_bytes()).hexdigest() if weights.exists() else "0" * 64,
        ),
        cost=1,
    )


def done(unit: Unit, folder: Path, warm: Warm, name: str, inputs: Mapping[str, Path]) -> Seconds:
    """Run a unit into FOLDER/NAME."""
    outputs = folder / name
    outputs.mkdir(exist_ok=True)
    for path in outputs.iterdir():
        path.unlink()
    wall, processor = time.perf_counter(), time.process_time()
    run(unit, Workspace(inputs, outputs), warm)
    return Seconds(time.process_time() - processor, time.perf_counter() - wall)


def files(role: str, folder: Path) -> dict[str, Path]:
    return {f"{role}/{path.name}": path for path in folder.iterdir()}


class Bench:
    """The source, done, and the two ways to go on from it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.warm = folder, Warm(None)
        weights = folder / "weights.safetensors"
        recipe = recipe_of(job(brought(weights)), 0).model_copy(update={"architecture": "torchvision/resnet18"})
        write_weights(weights, initial(recipe, 0))
        source = brought(weights)
        done(source, folder, self.warm, "source", {"weights": weights})
        _, self.features, self.transfer = (place.unit for place in places(job(source), {}))
        self.model = files("model", folder / "source")
        self.warm.split(self.features, Workspace({}, folder))  # both find the images decoded

    def with_features(self) -> Seconds:
        """The features, then the head on them."""
        first = done(self.features, self.folder, self.warm, "features", self.model)
        made = files("features", self.folder / "features")
        second = done(self.transfer, self.folder, self.warm, "with", self.model | made)
        return Seconds(*(sum(both) for both in zip(first, second, strict=True)))

    def without(self) -> Seconds:
        """The head on the images."""
        plain = cast(TransferInputs, self.transfer.inputs).model_copy(update={"features": None})
        unit = Unit(inputs=plain, dataset=self.transfer.dataset, cost=1)
        return done(unit, self.folder, self.warm, "without", self.model)

    def difference(self) -> float:
        """The largest difference of two logits of a test image, as a share of the largest logit."""
        one, other = (self._logits(name) for name in ("with", "without"))
        return float((one - other).abs().max() / other.abs().max())

    def _logits(self, name: str) -> torch.Tensor:
        network = build(*self.transfer.network).eval()
        load_network(network, read_weights(self.folder / name / "weights.safetensors"))
        split = self.warm.split(self.transfer, Workspace({}, self.folder))
        with torch.inference_mode():
            return torch.cat([network(images) for images, _ in in_order(split.test, split.preprocessing, 100)])


def row(name: str, ratios: Sequence[float]) -> str:
    return f"| {name} | {statistics.median(ratios):.1f} | {min(ratios):.1f}–{max(ratios):.1f} |"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--out", type=Path, help="Also write the page here.")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        pairs = [(bench.with_features(), bench.without()) for _ in range(options.pairs)]
        difference = bench.difference()
        size = (Path(folder) / "features" / "features.safetensors").stat().st_size
    ratios = [[theirs[place] / ours[place] for ours, theirs in pairs] for place in (0, 1)]
    took = [[statistics.median(one[place] for one in side) for side in zip(*pairs, strict=True)] for place in (0, 1)]
    page = "\n".join(
        [
            "# A head on features that were computed once",
            "",
            f"Written by `bench/features.py --pairs {options.pairs}` on {platform.system()} {platform.machine()}, "
            f"{os.cpu_count()} cores, torch {torch.__version__}, numpy {np.__version__}, one thread; load average at "
            f"the start {load:.1f}. `torchvision/resnet18`, all but its head frozen, on 1,797 images of {SIDE}×{SIDE} "
            f"pixels, {EPOCHS} epochs.",
            "",
            "| seconds | without features ÷ with them: median | least–most |",
            "|---|---:|---:|",
            row("processor", ratios[0]),
            row("wall", ratios[1]),
            "",
            f"Medians: {took[0][0]:.1f} s of the processor with features ({took[1][0]:.1f} s of the wall), "
            f"{took[0][1]:.1f} s without ({took[1][1]:.1f} s); the features have {size / 1e6:.1f} MB. The logits of "
            f"the two networks differ by {difference:.1e} of the largest at most.",
            "",
            f"Promised: at least {FASTER:.0f} × faster, and logits that differ by {SAME:.0e} of the largest at most.",
            "",
        ]
    )
    sys.stdout.write(page)
    if options.out:
        options.out.write_text(page)
    return int(statistics.median(ratios[0]) < FASTER or difference > SAME)


if __name__ == "__main__":
    sys.exit(main())
