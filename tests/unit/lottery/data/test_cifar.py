"""CIFAR: the official files, read without running what they say; anything else is refused with a text."""

import hashlib
import pickle
import struct
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.cifar import DTYPE, Python2, cifar10, part
from tests.support.network import FileServer, served
from tests.support.uploads import pixels
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.problems import Conflict, InvalidFile, NotFound
from winnow.lottery.data import load, split, unpickling
from winnow.lottery.data.cifar import LAYOUTS, cifar, download
from winnow.lottery.data.unpickling import unpickled

NAMES = {"cifar10": b"label_names", "cifar100": b"fine_label_names", "cifar100_coarse": b"coarse_label_names"}


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_the_catalog_describes_the_official_files(cifar_dir: Path, name: str) -> None:
    facts, layout = DATASETS[name], LAYOUTS[name]
    meta = unpickled(cifar_dir / layout.folder / layout.meta)
    assert tuple(label.decode() for label in meta[NAMES[name]]) == facts.classes
    images = load(facts, cifar_dir)  # holds it against the fingerprint
    assert images.test is not None
    assert tuple(np.bincount(images.train.y).tolist()) == facts.counts
    assert tuple(np.bincount(images.test.y).tolist()) == facts.test_counts
    cut = split(images, facts, 0)
    assert (len(cut.train), len(cut.validation), len(cut.test)) == facts.sizes() == (45_000, 5_000, 10_000)


def test_the_mean_of_cifar10_is_the_well_known_one(cifar_dir: Path) -> None:
    found = split(load(DATASETS["cifar10"], cifar_dir), DATASETS["cifar10"], 0).preprocessing
    assert found.mean == pytest.approx((0.4914, 0.4822, 0.4465), abs=1e-3)
    assert found.std == pytest.approx((0.2470, 0.2435, 0.2616), abs=1e-3)


def test_each_class_of_cifar100_lies_in_one_superclass_of_five(cifar_dir: Path) -> None:
    fine, coarse = cifar("cifar100", cifar_dir), cifar("cifar100_coarse", cifar_dir)
    np.testing.assert_array_equal(fine.x, coarse.x)
    pairs = set(zip(fine.y.tolist(), coarse.y.tolist(), strict=True))
    assert len(pairs) == 100
    assert np.bincount([superclass for _, superclass in pairs]).tolist() == [5] * 20
    assert DATASETS["cifar100"].superclasses == tuple(superclass for _, superclass in sorted(pairs))


def test_files_of_the_official_form_are_read_in_their_order(tmp_path: Path) -> None:
    cifar10(tmp_path)
    raw = cifar("cifar10", tmp_path)
    assert raw.x.shape == (100, 32, 32, 3)
    np.testing.assert_array_equal(raw.x[20:40], pixels(20, 32, 32, 3))
    assert raw.y[20:40].tolist() == [(1 + index) % 10 for index in range(20)]
    assert raw.y_test is not None
    assert raw.y_test.tolist() == [(5 + index) % 10 for index in range(20)]


def test_other_images_than_the_official_ones_are_a_conflict(tmp_path: Path) -> None:
    cifar10(tmp_path)
    with pytest.raises(Conflict, match="'cifar10' has changed"):
        load(DATASETS["cifar10"], tmp_path)


class Harm:
    """What a hostile file would have done."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.at,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_hostile_file_runs_nothing(tmp_path: Path, protocol: int) -> None:
    harmed = tmp_path / "harmed"
    folder = cifar10(tmp_path)
    content = pickle.dumps({"data": Harm(harmed), "labels": []}, protocol)
    pickle.loads(content)  # noqa: S301 - the test's own: it shows that the file would do harm
    harmed.unlink()
    (folder / "data_batch_3").write_bytes(content)
    with pytest.raises(InvalidFile, match="data_batch_3 is not the official file"):
        cifar("cifar10", tmp_path)
    assert not harmed.exists()


def _called(function: bytes, *arguments: Any) -> bytes:
    writer = Python2()
    return b"\x80\x02" + writer.reduced(function, arguments) + b"."


def _with(value: Any) -> bytes:
    return Python2().file(value)


def _state(content: bytes, found: bytes, put: bytes) -> bytes:
    """A file of one array whose bytes `found` are replaced."""
    assert content.count(found) == 1
    return content.replace(found, put)


ONE = _with(part(1, 10))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "pickle exhausted"),
        (b"no pickle", "instruction|unknown"),
        (ONE[:-100], "not the official file or is damaged"),
        (_called(b"os\nsystem", b"true"), "asks for 'os system'"),
        (_called(b"__builtin__\neval", b"1"), "asks for '__builtin__ eval'"),
        (_called(b"numpy\nload", b"/etc/passwd"), "asks for 'numpy load'"),
        (_called(DTYPE, b"O", 0, 1), "no dictionary"),
        (_with([1]), "no dictionary"),
        (b"\x80\x02c" + DTYPE + b"\n}b.", "damaged"),  # the state of a class
        (b"\x80\x02]}b.", "damaged"),  # the state of a list
        (b"\x80\x02}r" + struct.pack("<I", 2**32 - 1) + b".", "puts something at place 4294967295"),
        (b"\x80\x02]r" + struct.pack("<I", 1) + b"(h\x01e.", "instruction BINGET"),
        (b"\x80\x02T" + struct.pack("<i", 2**31 - 1) + b"a.", "damaged"),
        (_with({b"data": np.zeros((2, 3072), np.float32)}), "matrix of bytes"),
        (_with({b"data": np.zeros((2, 3, 1024), np.uint8)}), "matrix of bytes"),
        (_state(ONE, b"J" + struct.pack("<i", 3072), b"J" + struct.pack("<i", 3073)), "matrix of bytes"),
        (_state(ONE, b"J" + struct.pack("<i", 3072), b"J" + struct.pack("<i", -3072)), "matrix of bytes"),
        (_with({b"data": np.zeros((10, 3071), np.uint8), b"labels": [0] * 10}), "32×32 in three colours"),
        (_with({b"labels": [0]}), "32×32 in three colours"),
        (_with(part(3, 10) | {b"labels": [0, 10, 1]}), "labels is not a number from 0 to 9"),
        (_with(part(3, 10) | {b"labels": [0, -1, 1]}), "labels is not a number from 0 to 9"),
        (_with(part(3, 10) | {b"labels": [0, b"1", 1]}), "labels is not a number from 0 to 9"),
        (_with(part(3, 10) | {b"labels": [0, 1]}), "for each image"),
        (_with(part(3, 10, labels=b"fine_labels")), "labels is not a number"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (cifar10(tmp_path) / "test_batch").write_bytes(content)
    with pytest.raises(InvalidFile, match=why) as refused:
        cifar("cifar10", tmp_path)
    assert "test_batch" in refused.value.detail
    assert "delete it, or put the" in refused.value.detail


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    with (cifar10(tmp_path) / "data_batch_1").open("wb") as file:
        file.truncate(unpickling.MAX_BYTES + 1)
    with pytest.raises(InvalidFile, match="more than 268,435,456"):
        cifar("cifar10", tmp_path)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_without_files_and_without_a_network_the_layout_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound, match=rf"test.*meta.*WINNOW_DATA_DIR/{LAYOUTS[name].folder}"):
        load(DATASETS[name], tmp_path)
    with pytest.raises(NotFound, match="set WINNOW_DATA_DIR"):
        load(DATASETS[name])
    assert not (tmp_path / LAYOUTS[name].folder).exists()


@dataclass(frozen=True)
class Reader:
    """What torchvision's class knows of an archive."""

    url: str
    filename: str
    tgz_md5: str


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[tuple[FileServer, Reader]]:
    """A server with an archive of a small CIFAR-10."""
    folder = cifar10(tmp_path / "packed")
    (folder / "batches.meta").write_bytes(_with({b"label_names": [b"airplane"]}))
    (folder / "readme.html").write_text("not needed")
    path = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, folder.name)
    with served(tmp_path) as server:
        md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        yield server, Reader(f"{server.url}/{path.name}", path.name, md5)


def test_the_archive_is_fetched_and_its_files_kept(tmp_path: Path, archive: tuple[FileServer, Reader]) -> None:
    target, layout = tmp_path / "data" / "cifar-10-batches-py", LAYOUTS["cifar10"]
    download(archive[1], layout, target, "do something")
    assert {path.name for path in target.iterdir()} == set(layout.files)
    for path in target.iterdir():
        assert path.read_bytes() == (tmp_path / "packed" / "cifar-10-batches-py" / path.name).read_bytes()
    assert cifar("cifar10", tmp_path / "data").x.shape == (100, 32, 32, 3)


def test_an_archive_that_is_not_the_official_one_is_not_kept(
    tmp_path: Path, archive: tuple[FileServer, Reader]
) -> None:
    other = replace(archive[1], tgz_md5="0" * 32)
    with pytest.raises(NotFound, match="do something") as refused:
        download(other, LAYOUTS["cifar10"], tmp_path / "data", "do something")
    assert refused.value.detail.startswith(f"{tmp_path / 'data'} is not there, or not whole, and cannot be downloaded")
    assert "(File not found or corrupted.): do something" in refused.value.detail
    assert not (tmp_path / "data").exists()
