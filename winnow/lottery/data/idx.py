"""MNIST and Fashion-MNIST, read by torchvision from its own files under WINNOW_DATA_DIR."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from winnow.artifact.uploads import RawImages
from winnow.contract.problems import InvalidFile, NotFound
from winnow.lottery.torchvision_import import torchvision

READERS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_SECONDS_WITHOUT_AN_ANSWER = 20


def idx(name: str, data_dir: Path | None) -> RawImages:
    """All of `mnist` or `fashion_mnist`, with its official test set.

    Files that are only there packed (`.gz`) are unpacked elsewhere; files that are missing are downloaded and kept.
    Raises NotFound where they can be had nowhere, InvalidFile where they are damaged.
    """
    if data_dir is None:
        raise NotFound(f"{name} needs a data directory: set WINNOW_DATA_DIR; {_wanted(name)}")
    reader = getattr(torchvision("datasets"), READERS[name])
    with _unpacked(name, reader, data_dir) as root:
        try:
            train, test = reader(root, train=True), reader(root, train=False)
        except (ValueError, AssertionError, RuntimeError) as error:
            raise InvalidFile(f"the files of {name} in {data_dir} are damaged: delete them; {_wanted(name)}") from error
    x, y, x_test, y_test = (tensor.numpy() for tensor in (train.data, train.targets, test.data, test.targets))
    return RawImages(x[..., None], y, x_test[..., None], y_test)


def _wanted(name: str) -> str:
    packed = ", ".join(FILES)
    return f"put {packed} (each with or without .gz) into WINNOW_DATA_DIR/{READERS[name]}/raw"


@contextmanager
def _unpacked(name: str, reader: Any, data_dir: Path) -> Iterator[Path]:
    """A folder where torchvision finds all files unpacked.

    Never a half-written one: what has to be unpacked or downloaded is, in a folder that nobody else sees, since
    several runners may look at one data directory, and that one may be read-only.
    """
    raw = data_dir / READERS[name] / "raw"
    if all((raw / file).is_file() for file in FILES):
        yield data_dir
        return
    with TemporaryDirectory(prefix="winnow-") as temporary:
        packed = Path(temporary, READERS[name], "raw")
        packed.mkdir(parents=True)
        there = [f"{file}.gz" for file in FILES if (raw / f"{file}.gz").is_file()]
        for file in there:
            shutil.copyfile(raw / file, packed / file)
        _download(name, reader, temporary)
        for file in {f"{file}.gz" for file in FILES} - set(there):
            _keep(packed / file, raw / file)
        yield Path(temporary)


def _download(name: str, reader: Any, folder: str) -> None:
    """Fetches what is not there, unpacks the rest; torchvision checks each file's official MD5."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS_WITHOUT_AN_ANSWER)  # torchvision sets none and would wait for minutes
    try:
        reader(folder, download=True)
    except (RuntimeError, TimeoutError, ConnectionError, HTTPException) as error:
        raise NotFound(f"{name} is not in WINNOW_DATA_DIR and cannot be downloaded: {_wanted(name)}") from error
    finally:
        socket.setdefaulttimeout(before)


def _keep(file: Path, target: Path) -> None:
    """A copy of a downloaded file, which appears under its name once it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(file, partial)
    partial.replace(target)
