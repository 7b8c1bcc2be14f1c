"""Images decoded from their files as they are wanted, beside the usual way to do that. Images/s of the machine.

    python bench/streaming.py [--rounds 5] [--images 400] [--out docs/results/streaming.md]

JPEG pictures of 500×375 pixels, made here, resized to 224×224 and normalised, in batches of 32 in a new order each
epoch. Ours: a streamed folder with 1 and 2 decoders, and the same folder in memory. The usual way: torchvision's
ImageFolder, transforms for each sample, and a DataLoader with 1 and 2 workers that stay from epoch to epoch. Nothing is
trained: the network's share of the time is the same on all sides. All have done an epoch before; in every round each
does one in turn, while the others wait. Promises are held by processor seconds of all processes of a side, as other
work may share the machine, with images a second of the wall beside. Both sides must give the same images, to rounding.
Fails where a promise is broken.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from winnow.lottery.numerics import environment

if "MKL_CBWR" not in os.environ:  # what a runner fixes before torch is imported
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | environment(1))  # noqa: S606 - itself

import numpy as np
import psutil
import torch
from PIL import Image
from torch import Tensor

from winnow.artifact.uploads import inspect_folder
from winnow.contract.specs.choices import DatasetChoice
from winnow.lottery.data import Split, in_order, load, order, split, stream
from winnow.lottery.data.decoders import Decoders
from winnow.lottery.numerics import settle
from winnow.lottery.torchvision_import import torchvision
from winnow.plan.dataset_choice import chosen

AT_MOST = 1.0
NAME, CLASSES, WIDTH, HEIGHT, SIDE, BATCH = "pictures", 4, 500, 375, 224, 32

Epoch = Callable[[int], Iterator[tuple[Tensor, Tensor]]]


def draw(folder: Path, count: int) -> None:
    """Pictures with edges and gradients, about as large as photographs when packed."""
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        noise = random.integers(0, 24, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        path = folder / "train" / str(number % CLASSES) / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(picture) // 2 + noise).save(path, "JPEG", quality=90)


def ours(cut: Split) -> Epoch:
    """An epoch of the training split."""

    def epoch(number: int) -> Iterator[tuple[Tensor, Tensor]]:
        return in_order(cut.train.only(order(0, 0, number, len(cut.train))), cut.preprocessing, BATCH)

    return epoch


def prepared(cut: Split) -> Any:
    """What makes a tensor of a picture."""
    transforms = torchvision("transforms")
    normalise = transforms.Normalize(cut.preprocessing.mean, cut.preprocessing.std)
    return transforms.Compose([transforms.Resize((SIDE, SIDE)), transforms.ToTensor(), normalise])


def theirs(folder: Path, cut: Split, workers: int) -> Epoch:
    """An epoch of as many images, by torchvision."""
    found = torchvision("datasets").ImageFolder(folder / "train", prepared(cut))
    taken = torch.utils.data.Subset(found, range(len(cut.train)))
    loader = torch.utils.data.DataLoader(taken, BATCH, shuffle=True, num_workers=workers, persistent_workers=True)
    return lambda _number: iter(loader)


def difference(folder: Path, cut: Split) -> float:
    """The largest difference of one picture's values, ours and theirs."""
    first, prepare = cut.train.only(torch.zeros(1, dtype=torch.int64)), prepared(cut)
    ((mine, _),) = in_order(first, cut.preprocessing, 1)
    pictures = (Image.open(path) for path in sorted(folder.rglob("*.jpg")))
    return min(float((prepare(picture) - mine[0]).abs().max()) for picture in pictures)


class Cost(NamedTuple):
    """What an epoch took."""

    rate: float
    """Images per second of the wall."""
    processor: float
    """Milliseconds of all processors for an image."""


def cost(epoch: Epoch, number: int) -> Cost:
    """Go through an epoch."""
    began, processor, images = time.perf_counter(), processor_seconds(), 0
    for x, _ in epoch(number):
        images += len(x)
    spent = processor_seconds() - processor
    return Cost(images / (time.perf_counter() - began), 1000 * spent / images)


def processor_seconds() -> float:
    """Of this process and its children, which all live until the end; those of other sides sleep."""
    this = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (this, *this.children()))


def shown(values: Sequence[float], digits: int = 0) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def measured(options: Any, folder: Path, stack: ExitStack) -> tuple[dict[str, list[Cost]], float]:
    """What an epoch cost each side, round by round, and by how much the two sides' images differ."""
    draw(folder / NAME, options.images)
    facts = chosen(DatasetChoice(name=NAME, size=(SIDE, SIDE)), inspect_folder(folder / NAME).facts(NAME))
    resident = split(load(facts, folder), facts, 0)
    sides = {"resident": ours(resident)}
    for count in (1, 2):
        decoders = Decoders(count)
        stack.callback(decoders.rest)
        sides[f"streamed, {count}"] = ours(split(stream(facts, folder, decoders), facts, 0))
        sides[f"DataLoader, {count}"] = theirs(folder / NAME, resident, count)
    found: dict[str, list[Cost]] = {name: [] for name in sides}
    for number in range(options.rounds + 1):
        for name, epoch in sides.items():
            found[name].append(cost(epoch, number))
    return {name: costs[1:] for name, costs in found.items()}, difference(folder / NAME, resident)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--out", type=Path, help="Also write the page here.")
    options = parser.parse_args(arguments)
    load_before = os.getloadavg()[0]
    settle(1, "cpu")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found, differ = measured(options, Path(folder), stack)
    ratios = {
        count: [
            ours.processor / theirs.processor
            for ours, theirs in zip(found[f"streamed, {count}"], found[f"DataLoader, {count}"], strict=True)
        ]
        for count in (1, 2)
    }
    page = "\n".join(
        [
            "# Folders that are streamed",
            "",
            f"Written by `bench/streaming.py --rounds {options.rounds} --images {options.images}` on "
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}; load "
            f"average at the start {load_before:.1f}. JPEG pictures of {WIDTH}×{HEIGHT} pixels to {SIDE}×{SIDE}, "
            f"batches of {BATCH}, nothing trained. Medians of rounds (least–most).",
            "",
            "| side, processes that decode | images/s of the wall | processor ms an image |",
            "|---|---:|---:|",
            *(
                f"| {name} | {shown([one.rate for one in costs])} | {shown([one.processor for one in costs], 2)} |"
                for name, costs in found.items()
            ),
            "",
            *(
                f"Streamed ÷ DataLoader with {count}, processor time: {shown(values, 2)}.\n"
                for count, values in ratios.items()
            ),
            f"Promised: at most {AT_MOST} × the processor time of a DataLoader with as many processes. The images of "
            f"both sides differ by {differ:.0e} at most.",
            "",
        ]
    )
    sys.stdout.write(page)
    if options.out:
        options.out.write_text(page)
    return int(any(statistics.median(values) > AT_MOST for values in ratios.values()) or differ > 1e-5)


if __name__ == "__main__":
    sys.exit(main())
