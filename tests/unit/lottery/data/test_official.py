"""KMNIST and SVHN from small files in their formats, which stand in for the official ones under MD5s of their own."""

import gzip
import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch

from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.problems import InvalidFile, NotFound
from winnow.lottery.data.load import load
from winnow.lottery.data.official import FOLDERS, fingerprint, md5s
from winnow.lottery.torchvision_import import torchvision

IMAGES = {"train": 30, "test": 12}


def pixels(name: str, split: str) -> np.ndarray:
    shape = (28, 28, 1) if name == "kmnist" else (32, 32, 3)
    return np.random.default_rng(len(split)).integers(0, 256, (IMAGES[split], *shape), dtype=np.uint8)


def labels(split: str) -> np.ndarray:
    return np.arange(IMAGES[split]) % 10


def kmnist(folder: Path) -> None:
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images = struct.pack(">IIII", 0x803, IMAGES[split], 28, 28) + pixels("kmnist", split).tobytes()
        numbers = struct.pack(">II", 0x801, IMAGES[split]) + labels(split).astype(np.uint8).tobytes()
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(numbers))


def svhn(folder: Path) -> None:
    for split in IMAGES:
        numbers = np.where(labels(split) == 0, 10, labels(split)).astype(np.uint8)[:, None]  # the digit 0 is a 10 there
        images = np.moveaxis(pixels("svhn", split), 0, -1)
        scipy.io.savemat(folder / f"{split}_32x32.mat", {"X": images, "y": numbers})


@pytest.fixture(params=FOLDERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def there(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with small files, by whose MD5s the data set is known for once."""
    folder = tmp_path / FOLDERS[name]
    folder.mkdir(parents=True)
    {"kmnist": kmnist, "svhn": svhn}[name](folder)
    found = {path.name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in folder.iterdir()}
    reader: Any = getattr(torchvision("datasets"), name.upper())
    if name == "kmnist":
        monkeypatch.setattr(reader, "resources", sorted(found.items()))
    else:
        parts = {split: ["", f"{split}_32x32.mat", found[f"{split}_32x32.mat"]] for split in IMAGES}
        monkeypatch.setattr(reader, "split_list", parts)
    return folder


@pytest.mark.usefixtures("there")
def test_images_and_labels_are_those_of_the_files(tmp_path: Path, name: str) -> None:
    images = load(DATASETS[name], tmp_path)
    assert images.test is not None
    for part, split in ((images.train, "train"), (images.test, "test")):
        assert (part.x.dtype, part.y.dtype) == (torch.uint8, torch.int64)
        assert np.array_equal(part.x.permute(0, 2, 3, 1).numpy(), pixels(name, split))
        assert np.array_equal(part.y.numpy(), labels(split))
    assert not list(tmp_path.rglob("*ubyte")), "nothing is left unpacked"


def test_a_file_that_is_not_the_official_one_is_named(tmp_path: Path, there: Path, name: str) -> None:
    changed = sorted(there.iterdir())[1]
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(InvalidFile, match=rf"{changed.name} is not the official file .* delete it"):
        load(DATASETS[name], tmp_path)


@pytest.mark.usefixtures("offline")
def test_without_files_and_without_a_network_it_is_told_where_they_go(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound, match=rf"put .* into WINNOW_DATA_DIR/{FOLDERS[name]}"):
        load(DATASETS[name], tmp_path)
    with pytest.raises(NotFound, match="set WINNOW_DATA_DIR"):
        load(DATASETS[name])


def test_its_fingerprint_stands_for_the_official_files(name: str) -> None:
    assert DATASETS[name].fingerprint == fingerprint(name)
    assert len(md5s(name)) == {"kmnist": 4, "svhn": 2}[name]
    assert list(DATASETS["kmnist"].classes) == torchvision("datasets").KMNIST.classes
    assert sum(DATASETS["svhn"].counts) == 73_257
    assert sum(DATASETS["svhn"].test_counts or ()) == 26_032
