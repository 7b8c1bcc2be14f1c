"""MNIST and Fashion-MNIST, read by torchvision from its own files under WINNOW_DATA_DIR."""

import gzip
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from winnow.artifact.uploads import RawImages
from winnow.contract.problems import InvalidFile, NotFound
from winnow.lottery.data.downloads import downloading, keep
from winnow.lottery.torchvision_import import torchvision

READERS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


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
        except PermissionError as error:
            raise InvalidFile(f"{error.filename} cannot be read: let Winnow's user read it") from error
        except (ValueError, AssertionError, RuntimeError, KeyError, EOFError) as error:
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
    several runners may look at one data directory, and that one may be read-only. Nor what torchvision's older releases
    have left beside them, which it would take for the files.
    """
    raw = data_dir / READERS[name] / "raw"
    with TemporaryDirectory(prefix="winnow-") as temporary:
        target = Path(temporary, READERS[name], "raw")
        if all((raw / file).is_file() or _packed(raw / file).is_file() for file in FILES):
            target.mkdir(parents=True)
            for file in FILES:
                _unpack(raw / file, target / file)
        else:
            with downloading(raw, _wanted(name)):
                reader(temporary, download=True)  # fetches and unpacks all files
            for file in FILES:
                with _packed(target / file).open("rb") as packed:
                    keep(packed, _packed(raw / file), _wanted(name))
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
    except PermissionError as error:
        raise InvalidFile(f"{_packed(file)} cannot be read: let Winnow's user read it") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidFile(f"{_packed(file)} is damaged ({error}): delete it, or put the whole file there") from error
