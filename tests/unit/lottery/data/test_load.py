"""Data sets from wherever they are kept, held against their facts."""

import gzip
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.data import SHARED
from tests.support.network import FileServer, all_through, served
from tests.support.uploads import classes, laid_out, pixels, zipped
from winnow.artifact.uploads import inspect_folder, inspect_npz, inspect_zip
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import Conflict, InvalidFile, NotFound
from winnow.contract.specs.choices import DatasetChoice
from winnow.lottery.data import Images, load, split
from winnow.lottery.data.cifar import LAYOUTS
from winnow.lottery.data.idx import FILES, READERS
from winnow.lottery.data.official import FOLDERS
from winnow.lottery.torchvision_import import torchvision
from winnow.plan.dataset_choice import chosen

IDX = sorted(READERS)


def _check(images: Images, facts: DatasetFacts) -> None:
    """What is loaded is what the facts say."""
    parts = [(images.train, facts.counts)]
    if facts.test_counts is not None:
        assert images.test is not None
        parts.append((images.test, facts.test_counts))
    for part, counts in parts:
        assert part.x.shape == (sum(counts), facts.channels, *facts.size)
        assert (part.x.dtype, part.y.dtype) == (torch.uint8, torch.int64)
        assert part.x.is_contiguous()
        assert tuple(torch.bincount(part.y, minlength=len(facts.classes)).tolist()) == counts


def test_digits_are_there_offline() -> None:
    facts = DATASETS["digits"]
    images = load(facts)
    _check(images, facts)
    assert images.test is None
    assert set(images.train.x.unique().tolist()) == {(value * 255 * 2 + 16) // 32 for value in range(17)}
    assert facts.sizes() == (1294, 144, 359)


@pytest.mark.parametrize("name", IDX)
def test_idx_files_as_torchvision_keeps_them(data_dir: Path, name: str) -> None:
    facts = DATASETS[name]
    images = load(facts, data_dir)
    _check(images, facts)
    cut = split(images, facts, 0)
    assert (len(cut.train), len(cut.validation), len(cut.test)) == facts.sizes() == (54_000, 6_000, 10_000)


def test_the_mean_of_mnist_is_the_well_known_one(data_dir: Path) -> None:
    found = split(load(DATASETS["mnist"], data_dir), DATASETS["mnist"], 0).preprocessing
    assert found.mean[0] == pytest.approx(0.1307, abs=1e-3)
    assert found.std[0] == pytest.approx(0.3081, abs=1e-3)


def _packed(data_dir: Path, root: Path, name: str) -> Path:
    """A data directory with packed files only."""
    raw = root / READERS[name] / "raw"
    raw.mkdir(parents=True)
    for file in FILES:
        with gzip.open(raw / f"{file}.gz", "wb", compresslevel=1) as out:
            out.write((data_dir / READERS[name] / "raw" / file).read_bytes())
    return raw


@pytest.mark.usefixtures("offline")
def test_packed_files_are_read_and_nothing_is_written_beside_them(data_dir: Path, tmp_path: Path) -> None:
    raw = _packed(data_dir, tmp_path, "mnist")
    (raw / FILES[1]).write_bytes((data_dir / "MNIST" / "raw" / FILES[1]).read_bytes())  # one of them is not packed
    before = sorted(raw.iterdir())
    _check(load(DATASETS["mnist"], tmp_path), DATASETS["mnist"])
    assert sorted(raw.iterdir()) == before


@pytest.mark.usefixtures("offline")
def test_a_packed_file_that_is_cut_off_is_named(data_dir: Path, tmp_path: Path) -> None:
    cut = _packed(data_dir, tmp_path, "mnist") / f"{FILES[0]}.gz"
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(InvalidFile, match=rf"{FILES[0]}\.gz is damaged"):
        load(DATASETS["mnist"], tmp_path)


def _copied(data_dir: Path, root: Path, name: str) -> Path:
    shutil.copytree(data_dir / READERS[name], root / READERS[name], copy_function=shutil.copyfile)
    return root / READERS[name] / "raw"


def test_a_file_that_is_cut_off_is_told(data_dir: Path, tmp_path: Path) -> None:
    images = _copied(data_dir, tmp_path, "mnist") / FILES[0]
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(InvalidFile, match="delete them"):
        load(DATASETS["mnist"], tmp_path)


def test_one_other_byte_is_a_conflict(data_dir: Path, tmp_path: Path) -> None:
    images = _copied(data_dir, tmp_path, "mnist") / FILES[0]
    with images.open("r+b") as file:
        file.seek(30_000_000)
        file.write(b"\x01")
    with pytest.raises(Conflict, match="'mnist' has changed"):
        load(DATASETS["mnist"], tmp_path)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", IDX)
def test_without_files_and_without_a_network_the_layout_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound, match=rf"train-images.*WINNOW_DATA_DIR/{READERS[name]}/raw"):
        load(DATASETS[name], tmp_path)
    with pytest.raises(NotFound, match="set WINNOW_DATA_DIR"):
        load(DATASETS[name])


def test_missing_files_are_downloaded_once_and_kept(tmp_path: Path, proxy: FileServer) -> None:
    _check(load(DATASETS["fashion_mnist"], tmp_path), DATASETS["fashion_mnist"])
    kept = {path.name for path in (tmp_path / "FashionMNIST" / "raw").iterdir()}
    assert set(proxy.served) == kept == {f"{file}.gz" for file in FILES}
    proxy.served.clear()
    _check(load(DATASETS["fashion_mnist"], tmp_path), DATASETS["fashion_mnist"])
    assert proxy.served == []


@pytest.fixture
def proxy() -> Iterator[FileServer]:
    files = SHARED / "FashionMNIST" / "raw"
    if not files.is_dir():
        pytest.skip(f"no official packed files under {files}")
    with served(files) as server, all_through(server.url):
        yield server


def test_a_zip_and_an_npz_that_users_bring(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b", top="train/", mode="RGB") | classes("a", "b", top="test/"))
    facts = inspect_zip(path).facts("mine", "0" * 64)
    _check(load(facts, upload=path), facts)
    np.savez(tmp_path / "a.npz", x=pixels(20, channels=3), y=np.arange(20) % 2)
    facts = inspect_npz(tmp_path / "a.npz").facts("mine", "0" * 64)
    images = load(facts, upload=tmp_path / "a.npz")
    _check(images, facts)
    np.testing.assert_array_equal(images.train.x.numpy().transpose(0, 2, 3, 1), pixels(20, channels=3))


def test_images_come_in_another_size_and_other_channels_whatever_they_lie_in(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=pixels(20, 12, 12, 3), y=np.arange(20) % 2)
    files = {f"{index % 2}/{index:02}.png": _png(x) for index, x in enumerate(pixels(20, 12, 12, 3))}
    found = []
    for path, whole in (
        (tmp_path / "a.npz", inspect_npz(tmp_path / "a.npz").facts("mine", "0" * 64)),
        (zipped(tmp_path / "a.zip", files), inspect_zip(tmp_path / "a.zip", (4, 4)).facts("mine", "0" * 64)),
    ):
        facts = chosen(DatasetChoice(name="mine", size=(6, 5), channels=1), whole)
        images = load(facts, upload=path)
        _check(images, facts)
        found.append({x.tobytes() for x in images.train.x.numpy()})
    assert found[0] == found[1]  # of the zip from its pictures, not from the size that it was sent in with


def _png(x: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(x).save(file, "PNG")
    return file.getvalue()


def test_a_folder_of_the_data_directory(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "shapes", classes("a", "b", top="train/") | classes("a", "b", top="test/"))
    facts = inspect_folder(folder).facts("shapes")
    _check(load(facts, tmp_path), facts)


def test_what_is_not_at_hand_is_told(tmp_path: Path) -> None:
    facts = inspect_folder(laid_out(tmp_path / "shapes", classes("a", "b"))).facts("shapes")
    with pytest.raises(NotFound, match="set WINNOW_DATA_DIR"):
        load(facts)
    with pytest.raises(NotFound, match="'shapes'"):
        load(facts, tmp_path / "elsewhere")
    with pytest.raises(NotFound, match="its file is not at hand"):
        load(facts.model_copy(update={"source": "upload"}), tmp_path)
    with pytest.raises(NotFound, match="no built-in data set 'shapes'"):
        load(facts.model_copy(update={"source": "builtin"}), tmp_path)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_the_catalog_knows_every_built_in_set(name: str) -> None:
    facts = DATASETS[name]
    assert facts.name == name
    assert name in READERS or name in LAYOUTS or name in FOLDERS or name == "digits"
    assert (facts.source, facts.format, facts.object) == ("builtin", "builtin", None)
    assert len(facts.classes) == len(facts.counts) >= 10


def test_names_of_clothes_are_those_of_torchvision() -> None:
    assert list(DATASETS["fashion_mnist"].classes) == torchvision("datasets").FashionMNIST.classes
    assert [name.partition(" ")[0] for name in torchvision("datasets").MNIST.classes] == list(DATASETS["mnist"].classes)


def test_torchvision_comes_up_beside_this_torch_in_a_fresh_process() -> None:
    program = "from winnow.lottery.torchvision_import import torchvision; print(torchvision('datasets').MNIST.__name__)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("MNIST\n", "")
