"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), from their official Python files under WINNOW_DATA_DIR."""

import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from winnow.artifact.uploads import RawImages
from winnow.contract.problems import InvalidFile, NotFound
from winnow.lottery.data.downloads import downloading, keep
from winnow.lottery.data.unpickling import unpickled
from winnow.lottery.torchvision_import import torchvision

SIZE = 32


@dataclass(frozen=True)
class Layout:
    """Where a data set lies: torchvision's class and folder, its files, and what its labels are called there."""

    reader: str
    folder: str
    train: tuple[str, ...]
    test: str
    meta: str
    labels: bytes
    classes: int

    @property
    def files(self) -> tuple[str, ...]:
        """All that is kept, under the names that torchvision finds them by."""
        return (*self.train, self.test, self.meta)


_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
LAYOUTS = {
    "cifar10": Layout("CIFAR10", "cifar-10-batches-py", _BATCHES, "test_batch", "batches.meta", b"labels", 10),
    "cifar100": Layout("CIFAR100", "cifar-100-python", ("train",), "test", "meta", b"fine_labels", 100),
    "cifar100_coarse": Layout("CIFAR100", "cifar-100-python", ("train",), "test", "meta", b"coarse_labels", 20),
}


def cifar(name: str, data_dir: Path | None) -> RawImages:
    """All of `cifar10`, `cifar100` or `cifar100_coarse` (its 20 superclasses), with the official test set.

    Where a file is missing, all are downloaded and kept. Raises NotFound where they can be had nowhere, InvalidFile
    where one is damaged or is not what it should be.
    """
    layout = LAYOUTS[name]
    wanted = f"put {', '.join(layout.files)} into WINNOW_DATA_DIR/{layout.folder}"
    if data_dir is None:
        raise NotFound(f"{name} needs a data directory: set WINNOW_DATA_DIR; {wanted}")
    folder = data_dir / layout.folder
    if not all((folder / file).is_file() for file in (*layout.train, layout.test)):
        download(getattr(torchvision("datasets"), layout.reader), layout, folder, wanted)
    parts = [_part(folder / file, layout) for file in layout.train]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return RawImages(x, y, *_part(folder / layout.test, layout))


def _part(path: Path, layout: Layout) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images N×32×32×3 and class indices of one file, which holds each image as planes of red, green and blue."""
    found = unpickled(path)
    pixels, labels = found.get(b"data"), found.get(layout.labels)
    if not isinstance(pixels, np.ndarray) or pixels.shape[1] != 3 * SIZE * SIZE:
        raise _damaged(path, f"its images are not {SIZE}×{SIZE} in three colours")
    if not _are_labels(labels, len(pixels), layout.classes):
        text = layout.labels.decode()
        raise _damaged(path, f"{text} is not a number from 0 to {layout.classes - 1} for each image")
    return pixels.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1).copy(), np.array(labels, dtype=np.int64)


def _are_labels(labels: Any, images: int, classes: int) -> bool:
    fit = isinstance(labels, list) and len(labels) == images
    return fit and all(type(label) is int and 0 <= label < classes for label in labels)


def _damaged(path: Path, why: str) -> InvalidFile:
    return InvalidFile(f"{path} is not the official file ({why}): delete it, or put the right one there")


def download(reader: Any, layout: Layout, folder: Path, wanted: str) -> None:
    """Fetches the archive of torchvision's class, which knows its URL and MD5, and keeps what is needed of it.

    Its files appear in the folder one by one, each whole. Raises NotFound.
    """
    fetch = torchvision("datasets.utils").download_url
    with TemporaryDirectory(prefix="winnow-") as temporary:
        with downloading(folder, wanted):
            fetch(reader.url, temporary, reader.filename, reader.tgz_md5)
        with tarfile.open(Path(temporary, reader.filename)) as archive:
            for file in layout.files:
                member = archive.extractfile(f"{layout.folder}/{file}")
                assert member is not None  # noqa: S101 - the archive is the official one, to the byte
                with member:
                    keep(member, folder / file, wanted)
