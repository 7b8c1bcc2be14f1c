"""Training beside the usual way to feed it: PIL transforms for each sample in a DataLoader. Images/s of the machine.

    python bench/loader.py [--rounds 5] [--data DIR] [--out docs/results/loader.md]

`lenet_300_100` on MNIST's training images at batch 128 with Adam. The usual way: each sample an image of PIL, made a
tensor and normalised by torchvision's transforms, batched and shuffled by a DataLoader with 0, 1 or 2 workers; a plain
step with `torch.optim.Adam` on one thread or two; no mask. Ours: steps of a level under a mask of 20 %, in two slots of
one thread, as a worker fills two cores, or in one of two. Nothing is measured on either side but training. Each
configuration is a process (two for two slots) that has taken some steps before; in every round each does its epochs in
turn, while the others sleep. The best of ours is held against the best of theirs, by medians over rounds. Without
`--data`, which is a folder as WINNOW_DATA_DIR, images are noise of the same shape. Fails where the promise is broken.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from winnow.lottery.numerics import environment

if TYPE_CHECKING:
    from winnow.lottery.data import Part

FASTER = 6.0
BATCH, LR, DENSITY = 128, "0.0012", 0.2
IMAGES = 54_000
"""The training split; MNIST's other 6,000 training images validate."""
MEAN, STD = 0.1307, 0.3081
WARM_UP = 50
"""Steps before the clock starts."""

Steps = Callable[[int], None]


class Side(NamedTuple):
    """A configuration: so many processes with so many threads; `workers` of the DataLoader, None for ours."""

    processes: int
    threads: int
    workers: int | None

    @property
    def epochs(self) -> int:
        """That each process does in a round: enough for seconds."""
        return 2 if self.workers is None else 1

    def __str__(self) -> str:
        if self.workers is None:
            return f"Winnow, {self.processes} × {self.threads} thread(s)"
        return f"DataLoader, {self.workers} workers, {self.threads} thread(s)"


THEIRS = [Side(1, threads, workers) for workers in (0, 1, 2) for threads in (1, 2)]
OURS = [Side(2, 1, None), Side(1, 2, None)]


def theirs(images: "Part", side: Side) -> Steps:
    """So many steps of a plain loop; the DataLoader begins anew at each epoch."""
    import torch  # noqa: PLC0415 - only processes that train load it
    from PIL import Image  # noqa: PLC0415 - as above
    from torch.nn.functional import cross_entropy  # noqa: PLC0415 - as above
    from torch.utils.data import DataLoader, Dataset  # noqa: PLC0415 - as above

    from winnow.lottery.architectures import build  # noqa: PLC0415 - as above
    from winnow.lottery.torchvision_import import torchvision  # noqa: PLC0415 - as above

    transforms = torchvision("transforms")
    prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize([MEAN], [STD])])
    pixels, labels = images.x[:, 0].numpy(), images.y.tolist()

    class Samples(Dataset[tuple[torch.Tensor, int]]):
        def __len__(self) -> int:
            return len(labels)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return prepare(Image.fromarray(pixels[index])), labels[index]

    torch.set_num_threads(side.threads)
    network = build("lenet_300_100", 10, 1, (28, 28))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    optimizer = torch.optim.Adam(network.parameters(), lr=float(LR))
    loader = DataLoader(Samples(), batch_size=BATCH, shuffle=True, num_workers=side.workers or 0)

    def steps(count: int) -> None:
        while count:
            for _, (x, y) in zip(range(count), loader, strict=False):
                optimizer.zero_grad()
                cross_entropy(network(x), y).backward()  # type: ignore[no-untyped-call]  # torch's
                optimizer.step()
                count -= 1

    return steps


def ours(images: "Part", side: Side) -> Steps:
    """So many steps of a level."""
    import numpy as np  # noqa: PLC0415 - only processes that train load it

    from winnow.artifact.preprocessing import Preprocessing  # noqa: PLC0415 - as above
    from winnow.contract.recipes import Milestones, Recipe  # noqa: PLC0415 - as above
    from winnow.contract.specs.training import Adam, Augment  # noqa: PLC0415 - as above
    from winnow.lottery.data import Split  # noqa: PLC0415 - as above
    from winnow.lottery.inits import initial  # noqa: PLC0415 - as above
    from winnow.lottery.numerics import settle  # noqa: PLC0415 - as above
    from winnow.lottery.state import State  # noqa: PLC0415 - as above
    from winnow.lottery.training import Training, take_step  # noqa: PLC0415 - as above

    settle(side.threads, "cpu")
    recipe = Recipe(
        fingerprint="0" * 64,
        architecture="lenet_300_100",
        classes=10,
        channels=1,
        size=(28, 28),
        init="glorot_normal",
        optimizer=Adam(lr=Decimal(LR)),
        lr_schedule=Milestones(),
        warmup=0,
        batch_size=BATCH,
        steps=10**6,
        augment=Augment(),
        dropout=Decimal(0),
        label_smoothing=Decimal(0),
        seed=0,
        replicate=0,
    )
    split = Split(images, images, images, Preprocessing(channels=1, size=(28, 28), mean=(MEAN,), std=(STD,)))
    values, random = initial(recipe, 0), np.random.default_rng(0)
    masks = {f"fc{n}.weight": np.array(random.random(values[f"fc{n}.weight"].shape) < DENSITY) for n in (1, 2, 3)}
    training = Training(recipe, split, State(0, values, {}), masks)

    def steps(count: int) -> None:
        for _ in range(count):
            take_step(training)

    return steps


def mnist(data: Path | None) -> "Part":
    """The training images, or noise of their shape."""
    import torch  # noqa: PLC0415 - only processes that train load it

    from winnow.contract.catalog.datasets import DATASETS  # noqa: PLC0415 - as above
    from winnow.lottery.data import Part, load, split  # noqa: PLC0415 - as above

    if data is not None:
        facts = DATASETS["mnist"]
        return split(load(facts, data), facts, 0).train
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (IMAGES, 1, 28, 28), dtype=torch.uint8, generator=generator)
    return Part(pixels, torch.randint(10, (IMAGES,), generator=generator))


def work(side: Side, data: Path | None) -> None:
    """A process that trains: ready, then an answer to each line that comes in."""
    steps = (ours if side.workers is None else theirs)(mnist(data), side)
    steps(WARM_UP)
    print("ready", flush=True)
    for line in sys.stdin:
        steps(int(line))
        print("done", flush=True)


class Running:
    """The processes of a configuration, from ready to their end."""

    def __init__(self, side: Side, data: Path | None) -> None:
        self.side = side
        command = [sys.executable, __file__, "--side", f"{side.processes},{side.threads},{side.workers}"]
        command += ["--data", str(data)] if data else []
        fixed = environment(side.threads) if side.workers is None else {"OMP_NUM_THREADS": str(side.threads)}
        self._processes = [
            subprocess.Popen(
                command, env=os.environ | fixed, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
            for _ in range(side.processes)
        ]

    def __enter__(self) -> Self:
        self._answers("ready")
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self._processes:
            process.communicate()  # its input ends, and so does it

    def images_a_second(self) -> float:
        """All processes do their epochs at the same time."""
        count = self.side.epochs * -(-IMAGES // BATCH)
        began = time.perf_counter()
        for process in self._processes:
            assert process.stdin  # noqa: S101 - it is a pipe
            process.stdin.write(f"{count}\n")
        self._answers("done")
        return self.side.processes * self.side.epochs * IMAGES / (time.perf_counter() - began)

    def _answers(self, wanted: str) -> None:
        for process in self._processes:
            assert process.stdout  # noqa: S101 - it is a pipe
            if process.stdout.readline().strip() != wanted:
                raise RuntimeError(f"{self.side} ended")


def measured(sides: Sequence[Side], rounds: int, data: Path | None) -> dict[Side, list[float]]:
    """Images a second of each configuration in each round."""
    found: dict[Side, list[float]] = {side: [] for side in sides}
    with ExitStack() as stack:
        running = [stack.enter_context(Running(side, data)) for side in sides]
        for number in range(rounds):
            for one in running if number % 2 else reversed(running):
                found[one.side].append(one.images_a_second())
    return found


def shown(values: Sequence[float], digits: int = 0) -> str:
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="A folder as WINNOW_DATA_DIR, with MNIST in it.")
    parser.add_argument("--out", type=Path, help="Also write the page here.")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        processes, threads, workers = options.side.split(",")
        work(Side(int(processes), int(threads), None if workers == "None" else int(workers)), options.data)
        return 0
    load = os.getloadavg()[0]
    found = measured([*THEIRS, *OURS], options.rounds, options.data)
    best, usual = (max(sides, key=lambda side: statistics.median(found[side])) for sides in (OURS, THEIRS))
    ratios = [mine / other for mine, other in zip(found[best], found[usual], strict=True)]
    lines = [
        "# Beside PIL transforms in a DataLoader",
        "",
        f"Written by `bench/loader.py --rounds {options.rounds}{' --data DIR' if options.data else ''}` on "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, at a load of {load:.1f} before. "
        f"`lenet_300_100`, {'MNIST' if options.data else 'noise'}, batch {BATCH}. Medians of rounds (least–most).",
        "",
        "| | images/s of the machine |",
        "|---|---:|",
        *(f"| {side} | {shown(values)} |" for side, values in found.items()),
        "",
        f"{best} ÷ {usual}: {shown(ratios, 1)} ×. Promised: at least {FASTER:.0f} ×.",
    ]
    page = "\n".join(lines) + "\n"
    sys.stdout.write(page)
    if options.out:
        options.out.write_text(page)
    return int(statistics.median(ratios) < FASTER)


if __name__ == "__main__":
    sys.exit(main())
