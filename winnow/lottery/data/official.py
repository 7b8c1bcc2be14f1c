"""KMNIST (Clanuwat et al. 2018) and SVHN (Netzer et al. 2011): known by the MD5 of their files, as torchvision is.

What is in the files is never looked at to tell whether it is the right data set: `fingerprint` stands for them.
"""

import gzip
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from winnow.artifact.uploads import RawImages
from winnow.artifact.uploads.folder import file_bytes
from winnow.contract.problems import InvalidFile, NotFound
from winnow.contract.values import canonical_json, sha256_hex
from winnow.lottery.data.downloads import downloading, keep
from winnow.lottery.torchvision_import import torchvision

FOLDERS = {"kmnist": "KMNIST/raw", "svhn": "SVHN"}
"""Below WINNOW_DATA_DIR."""


def official(name: str, data_dir: Path | None) -> RawImages:
    """All of `kmnist` or `svhn`, with the official test set; of SVHN without its extra images.

    Where a file is missing, all are downloaded and kept. Raises NotFound where they can be had nowhere, InvalidFile
    where one is not the official one.
    """
    wanted = f"put {', '.join(md5s(name))} into WINNOW_DATA_DIR/{FOLDERS[name]}"
    if data_dir is None:
        raise NotFound(f"{name} needs a data directory: set WINNOW_DATA_DIR; {wanted}")
    folder = data_dir / FOLDERS[name]
    if not all((folder / file).is_file() for file in md5s(name)):
        _download(name, folder, wanted)
    for file, md5 in md5s(name).items():
        _check(folder / file, md5)
    return _kmnist(folder) if name == "kmnist" else _svhn(folder)


def md5s(name: str) -> Mapping[str, str]:
    """The files and their MD5s, in hexadecimal."""
    reader = _reader(name)
    if name == "kmnist":
        return dict(reader.resources)
    return {file: md5 for _, file, md5 in (reader.split_list[split] for split in ("train", "test"))}


def fingerprint(name: str) -> str:
    """What the data set is called by in keys: the SHA-256 of the canonical JSON of its files' MD5s by their names."""
    return sha256_hex(canonical_json(dict(md5s(name))))


def _reader(name: str) -> Any:
    return getattr(torchvision("datasets"), name.upper())


def _check(path: Path, md5: str) -> None:
    found = hashlib.md5(file_bytes(path), usedforsecurity=False).hexdigest()
    if found != md5:
        raise InvalidFile(
            f"{path} is not the official file (its MD5 is {found}, not {md5}): delete it, or put the right one there"
        )


def _kmnist(folder: Path) -> RawImages:
    with _unpacked(folder) as root:
        train, test = (_reader("kmnist")(root, train=is_train) for is_train in (True, False))
    x, y, x_test, y_test = (tensor.numpy() for tensor in (train.data, train.targets, test.data, test.targets))
    return RawImages(x[..., None], y, x_test[..., None], y_test)


@contextmanager
def _unpacked(folder: Path) -> Iterator[Path]:
    """A root where torchvision finds the files unpacked, which goes away again: the data directory may be read-only."""
    with TemporaryDirectory(prefix="winnow-") as temporary:
        target = Path(temporary, FOLDERS["kmnist"])
        target.mkdir(parents=True)
        for file in md5s("kmnist"):
            with gzip.open(folder / file) as source, (target / Path(file).stem).open("wb") as out:
                shutil.copyfileobj(source, out)
        yield Path(temporary)


def _svhn(folder: Path) -> RawImages:
    parts = (_reader("svhn")(folder, split=split) for split in ("train", "test"))
    (x, y), (x_test, y_test) = ((np.moveaxis(part.data, 1, -1), part.labels) for part in parts)
    return RawImages(x, y, x_test, y_test)


def _download(name: str, folder: Path, wanted: str) -> None:
    with TemporaryDirectory(prefix="winnow-") as temporary:
        with downloading(folder, wanted):
            if name == "kmnist":
                _reader(name)(temporary, download=True)
            else:
                for split in ("train", "test"):
                    _reader(name)(temporary, split=split, download=True)
        there = Path(temporary, FOLDERS[name]) if name == "kmnist" else Path(temporary)
        for file in md5s(name):
            with (there / file).open("rb") as source:
                keep(source, folder / file, wanted)
