"""MNIST and Fashion-MNIST, read by torchvision from its own files under WINNOW_DATA_DIR."""

import errno
import gzip
import os
import shutil
import socket
import zlib
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

    Files that are only there packed (`.gz`) are unpacked elsewhere; where one is missing, all are downloaded and kept.
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
        target = Path(temporary, READERS[name], "raw")
        if all((raw / file).is_file() or _packed(raw / file).is_file() for file in FILES):
            target.mkdir(parents=True)
            for file in FILES:
                _unpack(raw / file, target / file)
        else:
            _download(name, reader, temporary)
            for file in FILES:
                _keep(name, _packed(target / file), _packed(raw / file))
        yield Path(temporary)


def _packed(file: Path) -> Path:
    return file.with_name(f"{file.name}.gz")


def _unpack(file: Path, target: Path) -> None:
    if file.is_file():
        target.symlink_to(file.resolve())
        return
    try:
        with gzip.open(_packed(file)) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidFile(f"{_packed(file)} is damaged ({error}): delete it, or put the whole file there") from error


def _download(name: str, reader: Any, folder: str) -> None:
    """Fetches and unpacks all files; torchvision checks each one's official MD5."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS_WITHOUT_AN_ANSWER)  # torchvision sets none and would wait for minutes
    try:
        reader(folder, download=True)
    except (RuntimeError, TimeoutError, ConnectionError, HTTPException) as error:
        raise NotFound(f"{name} is not in WINNOW_DATA_DIR and cannot be downloaded: {_wanted(name)}") from error
    finally:
        socket.setdefaulttimeout(before)


def _keep(name: str, file: Path, target: Path) -> None:
    """A copy of a downloaded file, which appears under its name once it is whole."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, partial)
        partial.replace(target)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise NotFound(
            f"{name} is not in WINNOW_DATA_DIR and cannot be kept there: let Winnow's user write to it, or "
            f"{_wanted(name)}"
        ) from error
