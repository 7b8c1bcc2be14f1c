"""Several processes of one training, for tests: all of them do every case below once, and say what they found.

`python -m tests.support.ranks RANK COUNT FOLDER`; `found_by_all` starts them.
"""

import json
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support.lottery import MOMENTUM, random_masks, recipe, split, start
from winnow.contract.specs.pruning import Criterion
from winnow.contract.specs.training import Augment
from winnow.lottery.data.batches import Batches
from winnow.lottery.data.images import Split
from winnow.lottery.distributed.gradients import shared_gradients
from winnow.lottery.distributed.ranks import Ranks, join, leave
from winnow.lottery.numerics import settle
from winnow.lottery.pruning import prune
from winnow.lottery.scoring import Subject
from winnow.lottery.state import digest, network_arrays
from winnow.lottery.training import Pruning, Training, take_step
from winnow.lottery.workspace import UnitFailed
from winnow.plan.counts import Counts

COUNT = 3
ROOT = Path(__file__).parents[2]


class Step(NamedTuple):
    """One step of 60 training images, in batches of so many: the last batch of an epoch may be smaller."""

    architecture: str
    batch_size: int
    step: int
    changes: dict[str, Any]


DISTURBED = {"dropout": Decimal("0.3"), "label_smoothing": Decimal("0.1"), "augment": Augment(crop=1, flip=True)}
STEPS = (
    Step("lenet_300_100", 15, 0, {}),
    Step("lenet_300_100", 16, 3, {}),  # 12 images are left for the last
    Step("lenet_300_100", 60, 0, DISTURBED),
    Step("lenet_300_100", 29, 2, DISTURBED),  # 2 images for 3 processes: one has none
    Step("digits_cnn", 7, 8, {}),  # 4 images: 2, 1, 1
    Step("digits_cnn", 59, 1, DISTURBED),  # a single one
    Step("digits_cnn", 17, 6, DISTURBED),  # 17 images, of the second epoch: 6, 6, 5
)


class Prune(NamedTuple):
    """One pruning after two steps: by which criterion, and how many of each layer, or of all."""

    architecture: str
    criterion: str
    by_layer: bool


PRUNINGS = tuple(
    Prune(architecture, criterion, by_layer)
    for architecture in ("lenet_300_100", "resnet20")
    for criterion in ("magnitude", "random", "taylor")
    for by_layer in (False, True)
)


def training_for(case: Step, ranks: Ranks | None) -> Training:
    """In float64, before its step."""
    settings = recipe(case.architecture, batch_size=case.batch_size, **case.changes)
    images = split() if ranks is None else split_among(ranks)
    training = Training(settings, images, start(settings), {})
    training.network.double()
    training.batches = InDouble(training.batches)  # type: ignore[assignment]  # batches of another type
    training.step = case.step
    return training


class InDouble:
    """Batches, in float64."""

    def __init__(self, own: Batches) -> None:
        self.own = own
        self.size = own.size

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        images, labels = self.own.at(step)
        return images.double(), labels


def gradients_of(training: Training) -> dict[str, NDArray[np.float64]]:
    """By parameter."""
    named = training.network.named_parameters()
    return {name: parameter.grad.numpy().copy() for name, parameter in named if parameter.grad is not None}


def split_among(ranks: Ranks) -> Split:
    """The small data set, its batches shared."""
    return replace(split(), ranks=ranks)


def masks_after(case: Prune, ranks: Ranks, *, spoilt: bool = False) -> Training:
    """A network trained for two steps by all, pruned to half by each; `spoilt`: one had a weight wrong."""
    settings = recipe(case.architecture, optimizer=MOMENTUM)
    images = split_among(ranks)
    dense = {name: np.ones_like(mask) for name, mask in random_masks(settings).items()}
    training = Training(settings, images, start(settings), dense)
    take_step(training)
    take_step(training)
    values = network_arrays(training.network)
    if spoilt and ranks.rank == ranks.count - 1:
        first = values[next(iter(dense))].reshape(-1)
        first[np.abs(first).argmax()] = 0
    sizes = [mask.size for mask in dense.values()]
    asked = Counts(sum(size // 2 for size in sizes), tuple(size // 2 for size in sizes) if case.by_layer else None)
    subject = Subject(settings, values, dense, images, depth=1)
    masks = prune(subject, Criterion(name=case.criterion), asked, lambda: None)
    training.prune(masks, Pruning(training.step, asked.total, asked.total, held=True))
    take_step(training)
    return training


def _all_cases(ranks: Ranks, folder: Path) -> dict[str, Any]:
    random = np.random.default_rng(ranks.rank)
    numbers = [torch.from_numpy(random.normal(size=shape).astype(np.float32)) for shape in ((5, 3), (), (1001,))]
    mine = [number.numpy().copy() for number in numbers]
    ranks.add_up(numbers)
    gradients, losses = {}, []
    for place, case in enumerate(STEPS):
        training = training_for(case, ranks)
        losses.append(float(shared_gradients(training, ranks)))
        gradients |= {f"{place}/{name}": values for name, values in gradients_of(training).items()}
    np.savez(folder / f"gradients-{ranks.rank}.npz", **gradients)
    np.savez(folder / f"sums-{ranks.rank}.npz", *mine, *(number.numpy() for number in numbers))
    pruned = [masks_after(case, ranks) for case in PRUNINGS]
    try:
        masks_after(PRUNINGS[0], ranks, spoilt=True)
        refused = None
    except UnitFailed as failed:
        refused = failed.detail
    told = [ranks.from_first(data if ranks.rank == 0 else b"mine") for data in (None, b"", bytes(range(256)) * 1000)]
    return {
        "losses": losses,
        "masks": [digest(training.host_masks) for training in pruned],
        "networks": [digest(network_arrays(training.network)) for training in pruned],
        "zeros": [training.masks.zeros() for training in pruned],
        "refused": refused,
        "told": [None if data is None else data.hex() for data in told],
    }


def found_by_all(folder: Path) -> list[dict[str, Any]]:
    """What each process found, by rank; arrays lie in the folder."""
    ranks = [
        subprocess.Popen([sys.executable, "-m", "tests.support.ranks", str(rank), str(COUNT), str(folder)], cwd=ROOT)
        for rank in range(COUNT)
    ]
    try:
        assert [process.wait(timeout=240) for process in ranks] == [0] * COUNT
    finally:
        for process in ranks:
            process.kill()
            process.wait()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(COUNT)]


def main() -> None:
    """One process."""
    rank, count, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    settle(1, "cpu")
    ranks = join(rank, count, folder / "store", torch.device("cpu"), lambda _beat: None)
    (folder / f"{rank}.json").write_text(json.dumps(_all_cases(ranks, folder)))
    leave()


if __name__ == "__main__":
    main()
