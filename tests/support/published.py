"""Files like those that torchvision's authors publish: its networks with values of their own, named by their hash."""

import hashlib
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from winnow.contract.inputs import PretrainedInputs
from winnow.contract.units import Unit
from winnow.lottery.torchvision_import import torchvision

NETWORK = "torchvision/squeezenet1_1"
"""The smallest of them."""

CLASSES = 1000


def theirs(name: str, **options: bool) -> nn.Module:
    """torchvision's classifier with fresh values, as its own program builds it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network: nn.Module = torchvision("models").get_model(name.removeprefix("torchvision/"), **options)
    return network


def publish(state: Mapping[str, Tensor], data_dir: Path, name: str) -> str:
    """Put the file into a data directory; returns its name."""
    folder = data_dir / "pretrained"
    folder.mkdir(exist_ok=True)
    torch.save(dict(state), here := folder / "saved")
    file = f"{name}-{hashlib.sha256(here.read_bytes()).hexdigest()[:8]}.pth"
    here.replace(folder / file)
    return file


def pretrained_unit(file: str, **changes: object) -> Unit:
    """The unit that makes a model of the file."""
    inputs: dict[str, object] = {
        "architecture": NETWORK,
        "channels": 3,
        "size": (32, 32),
        "mean": (Decimal("0.5"),) * 3,
        "std": (Decimal("0.25"),) * 3,
        "file": file,
    }
    return Unit(inputs=PretrainedInputs.model_validate(inputs | changes), cost=1)


@cache
def data_dir() -> Path:
    """A data directory to put files into, for as long as the tests go on."""
    return Path(_kept.name)


@cache
def squeezenet() -> str:
    """The name of a file of `NETWORK` in it."""
    return publish(theirs(NETWORK).state_dict(), data_dir(), "squeezenet1_1")


_kept = tempfile.TemporaryDirectory(prefix="winnow-published-")
