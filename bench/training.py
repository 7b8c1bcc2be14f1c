"""Training beside a bare loop, masked steps beside dense ones, and the memory of a training on all of Fashion-MNIST.

    python bench/training.py [--pairs 7] [--data DIR] [--out docs/results/training.md]

The bare loop is forward, backward, step on batches that lie ready, normalised, in the same memory layout, with
`torch.optim`'s fused Adam, and nothing else. Beside it runs a whole retraining as a unit does it: 20 epochs under a
mask of 20 %, batches drawn from uint8 images, every epoch measured on the validation split, the end on all three,
progress told. Images are noise of Fashion-MNIST's and CIFAR-10's shapes: speed does not depend on what is in them. The
two take turns epoch by epoch, masked steps and dense ones step by step, as a machine's speed drifts within seconds; one
thread. Promises are held by processor
seconds, as other work may share the machine, with wall seconds beside. Memory is measured where `--data` holds the
real set as WINNOW_DATA_DIR does. Fails where a promise is broken.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from winnow.lottery.numerics import environment, settle

if "MKL_CBWR" not in os.environ:  # what a runner fixes before torch is imported
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | environment(1))  # noqa: S606 - itself

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.recipes import Milestones, Recipe
from winnow.contract.results import Point
from winnow.contract.specs.training import Adam, Augment
from winnow.lottery.data import Part, Split
from winnow.lottery.fitting import fit
from winnow.lottery.inits import initial
from winnow.lottery.state import State
from winnow.lottery.training import Training, take_step

AT_LEAST, AT_MOST, RESIDENT_MB = 0.9, 1.05, 1000.0
EPOCHS = 20
STEPS = 50
DENSITY = 0.2


class Case(NamedTuple):
    """A network on images of a shape; the splits have the proportions of the real set."""

    architecture: str
    batch: int
    channels: int
    side: int
    sizes: tuple[int, int, int]

    @property
    def recipe(self) -> Recipe:
        """Twenty epochs, Adam, constant rate."""
        return Recipe(
            fingerprint="0" * 64,
            architecture=self.architecture,
            classes=10,
            channels=self.channels,
            size=(self.side, self.side),
            init="glorot_normal",
            optimizer=Adam(lr=Decimal("0.0002")),
            lr_schedule=Milestones(),
            warmup=0,
            batch_size=self.batch,
            steps=EPOCHS * -(-self.sizes[0] // self.batch),
            augment=Augment(),
            dropout=Decimal(0),
            label_smoothing=Decimal(0),
            clip=None,
            patience=None,
            seed=0,
            replicate=0,
        )


CASES = (
    Case("lenet_300_100", 128, 1, 28, (54_000, 6_000, 10_000)),
    Case("conv2", 64, 3, 32, (640, 71, 142)),  # CIFAR-10's proportions; all of it would take an hour
)


class Aside:
    """A workspace that keeps nothing and stops nobody; at each point of the curve it does something else, and times it.

    The first point comes after the first epoch, the last after the last one: so many times it is done.
    """

    inputs: Mapping[str, Path] = {}
    outputs = Path("unused")

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.spent = (0.0, 0.0)

    def checkpoint(self, state: Callable[[], bytes], now: bool = False) -> None:
        """As between two checkpoints."""

    def restore(self) -> bytes | None:
        """Nothing."""
        return None

    def progress(self, _done: int, _of: int, point: Point | None = None) -> None:
        """The other's turn, where a point of the curve is told."""
        if point is not None:
            processor, wall = timed(self.work)
            self.spent = (self.spent[0] + processor, self.spent[1] + wall)


class Pair(NamedTuple):
    """Seconds of two things done one after the other: processor and wall."""

    first: tuple[float, float]
    second: tuple[float, float]


def split_of(case: Case) -> Split:
    generator = torch.Generator().manual_seed(0)
    shape = (case.channels, case.side, case.side)
    parts = [
        Part(
            torch.randint(256, (size, *shape), dtype=torch.uint8, generator=generator),
            torch.randint(10, (size,), generator=generator),
        )
        for size in case.sizes
    ]
    mean_and_std = ((0.3,) * case.channels, (0.3,) * case.channels)
    preprocessing = Preprocessing(channels=case.channels, size=shape[1:], mean=mean_and_std[0], std=mean_and_std[1])
    return Split(*parts, preprocessing)


def random_masks(case: Case) -> dict[str, np.ndarray]:
    random, values = np.random.default_rng(0), initial(case.recipe, 0)
    layers = ARCHITECTURES[case.architecture].layers
    return {name: random.random(values[name].shape) < DENSITY for name, _ in layers}


def training_of(case: Case, split: Split, masks: Mapping[str, np.ndarray]) -> Training:
    return Training(case.recipe, split, State(0, initial(case.recipe, 0), {}), masks)


def bare_epoch(case: Case, split: Split) -> Callable[[], None]:
    """An epoch of forward, backward, step."""
    training = training_of(case, split, {})
    network = training.network
    optimizer = torch.optim.Adam(network.parameters(), lr=float(case.recipe.optimizer.lr), fused=True)
    drawn = (training.batches.at(step) for step in range(training.batches.steps_per_epoch))
    ready = [(images.clone(memory_format=torch.channels_last), labels) for images, labels in drawn]

    def run() -> None:
        for images, labels in ready:
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]  # torch's
            optimizer.step()

    return run


def training_pair(case: Case, split: Split, bare: Callable[[], None]) -> Pair:
    """Twenty bare epochs, and between them the same twenty epochs as a level does them."""
    masks, aside = random_masks(case), Aside(bare)
    both = timed(lambda: _measured(fit(training_of(case, split, masks), (0,), aside)))
    return Pair(aside.spent, (both[0] - aside.spent[0], both[1] - aside.spent[1]))


def _measured(_metrics: object) -> None:
    """The metrics were asked for; nobody here needs them."""


def stepping_pair(dense: Training, masked: Training) -> Pair:
    """Steps of each, one by one; every time the other goes first."""
    spent = {"dense": (0.0, 0.0), "masked": (0.0, 0.0)}
    turns = [("dense", dense), ("masked", masked)]
    for number in range(STEPS):
        for name, training in turns if number % 2 else reversed(turns):
            processor, wall = timed(lambda training=training: take_step(training))
            spent[name] = (spent[name][0] + processor, spent[name][1] + wall)
    return Pair(spent["dense"], spent["masked"])


def timed(work: Callable[[], None]) -> tuple[float, float]:
    began = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - began[0], time.perf_counter() - began[1]


def ratios(pairs: Sequence[Pair], clock: int, *, inverse: bool = False) -> list[float]:
    """First ÷ second, or the inverse, of each pair by the processor's (0) or the wall's clock (1)."""
    found = [pair.first[clock] / pair.second[clock] for pair in pairs]
    return [1 / ratio for ratio in found] if inverse else found


def shown(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f}–{max(values):.3f})"


MEMORY = """
import sys, tempfile
from pathlib import Path
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.specs.jobs import SPEC
from winnow.lottery.local import run_job
from winnow.lottery.units import Warm
from winnow.plan import resolve

spec = {
    "kind": "prune", "dataset": "fashion_mnist", "model": "lenet_300_100", "target": {"sparsity": 0.2},
    "train": {"epochs": 1, "batch_size": 128}, "replicates": 1,
}
job = resolve(SPEC.validate_python(spec), DATASETS["fashion_mnist"], "cpu")
with tempfile.TemporaryDirectory() as out:
    run_job(job, Path(out), Warm(Path(sys.argv[1])), lambda status: None)
# Not getrusage: a child's peak starts at its parent's, from before the exec.
lines = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6)
"""


def peak_memory(data: Path) -> float:
    """Peak resident MB of a process that does a train, a level and both controls on all of Fashion-MNIST."""
    ended = subprocess.run([sys.executable, "-c", MEMORY, str(data)], check=True, capture_output=True, text=True)
    return float(ended.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=5, help="Whole trainings of each kind.")
    parser.add_argument("--data", type=Path, help="A folder as WINNOW_DATA_DIR, with FashionMNIST in it.")
    parser.add_argument("--out", type=Path, help="Also write the page here.")
    options = parser.parse_args()
    numerics = settle(1, "cpu")
    lines = [
        "# Training: speed and memory",
        "",
        f"Written by `bench/training.py --pairs {options.pairs}` on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, one thread, {numerics}. Medians of pairs (least–most).",
        "",
        "| network, batch | bare images/s | Winnow ÷ bare, processor time | wall time | masked ÷ dense step |",
        "|---|---|---|---|---|",
    ]
    broken = []
    for case in CASES:
        split = split_of(case)
        bare = bare_epoch(case, split)
        bare()  # the first steps make the optimizer's state
        trainings = [training_pair(case, split, bare) for _ in range(options.pairs)]
        dense, masked = training_of(case, split, {}), training_of(case, split, random_masks(case))
        stepping_pair(dense, masked)  # the first steps make the optimizer's state
        pairs = [stepping_pair(dense, masked) for _ in range(options.pairs)]
        speed, cost = ratios(trainings, 0), ratios(pairs, 0, inverse=True)
        images = EPOCHS * case.sizes[0] / min(pair.first[0] for pair in trainings)
        lines.append(
            f"| `{case.architecture}`, {case.batch} | {images:.0f} | {shown(speed)} | {shown(ratios(trainings, 1))} "
            f"| {shown(cost)} |"
        )
        broken += [f"{case.architecture}: speed"] * (statistics.median(speed) < AT_LEAST)
        broken += [f"{case.architecture}: masking"] * (statistics.median(cost) > AT_MOST)
    lines += ["", f"Promised: Winnow ÷ bare ≥ {AT_LEAST}, with masks and metrics on; masked ÷ dense ≤ {AT_MOST}."]
    if options.data:
        peak = peak_memory(options.data)
        lines += ["", f"`lenet_300_100` on all of Fashion-MNIST, one process: {peak:.0f} MB resident at most "]
        lines[-1] += f"(promised: under {RESIDENT_MB:.0f})."
        broken += ["memory"] * (peak > RESIDENT_MB)
    page = "\n".join(lines) + "\n"
    sys.stdout.write(page)
    if options.out:
        options.out.write_text(page)
    sys.stdout.write("".join(f"BROKEN: {promise}\n" for promise in broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
