"""A folder under the data directory: the same rules and the same fingerprint as a zip of it."""

import os
from pathlib import Path

import pytest

from tests.support.uploads import classes, image, laid_out, zipped
from winnow.artifact.uploads import folder_of, folders_of_images, inspect_folder, inspect_zip, read_folder, read_upload
from winnow.contract.problems import Conflict, InvalidFile, NotFound

FILES = classes("a", "b", top="train/") | classes("a", "b", each=2, top="test/") | {"train/a/.DS_Store": b"litter"}


def test_a_folder_and_a_zip_of_it_are_one_data_set(tmp_path: Path) -> None:
    folder = inspect_folder(laid_out(tmp_path / "shapes", FILES))
    zip_ = inspect_zip(zipped(tmp_path / "shapes.zip", FILES))
    assert folder.model_dump(exclude={"format"}) == zip_.model_dump(exclude={"format"})
    assert folder.test_counts == (2, 2)
    here = read_folder(tmp_path / "shapes", folder.facts("shapes"))
    there = read_upload(tmp_path / "shapes.zip", zip_.facts("shapes", "0" * 64))
    assert here.x.tolist() == there.x.tolist()
    assert here.y.tolist() == there.y.tolist()


def test_classes_without_a_test_set(tmp_path: Path) -> None:
    facts = inspect_folder(laid_out(tmp_path / "shapes", classes("a", "b"))).facts("shapes")
    assert (facts.name, facts.source, facts.object, facts.test_counts) == ("shapes", "folder", None, None)


def test_a_folder_that_has_changed_is_a_conflict(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "shapes", FILES)
    facts = inspect_folder(folder).facts("shapes")
    (folder / "train" / "a" / "0.png").write_bytes(image(99))
    with pytest.raises(Conflict, match="'shapes' has changed"):
        read_folder(folder, facts)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="no images"):
        inspect_folder(tmp_path)


def test_a_name_that_nobody_can_read_is_refused(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "shapes", FILES)
    (folder / "train" / "a" / os.fsdecode(b"\xff.png")).write_bytes(image())
    with pytest.raises(InvalidFile, match="rename it"):
        inspect_folder(folder)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "shapes", FILES)
    (folder / "train" / "a" / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(InvalidFile, match=r"gone\.png cannot be read"):
        inspect_folder(folder)


def test_folders_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "shapes" / "round").mkdir(parents=True)
    (tmp_path / "shapes" / "round" / "1.png").touch()
    assert folder_of(tmp_path, "shapes") == tmp_path / "shapes"
    with pytest.raises(NotFound, match="Did you mean 'shapes'"):
        folder_of(tmp_path, "shape")
    with pytest.raises(NotFound, match="Did you mean 'digits'"):
        folder_of(tmp_path / "nowhere", "digit")


@pytest.mark.parametrize("name", ["", ".", "..", "../shapes", "/etc", "a/b", ".hidden", "two words", "missing"])
def test_names_that_lead_elsewhere_find_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "two words").mkdir()
    with pytest.raises(NotFound, match="WINNOW_DATA_DIR"):
        folder_of(tmp_path, name)


def test_folders_that_hold_images_are_told_from_those_that_hold_something_else(tmp_path: Path) -> None:
    laid_out(tmp_path / "split", FILES)
    laid_out(tmp_path / "flat", classes("a", "b") | {"README.txt": b"", ".git/config": b"", "a/notes.txt": b""})
    laid_out(tmp_path / ".hidden", FILES)
    laid_out(tmp_path, {"KMNIST/raw/t10k-images-idx3-ubyte.gz": b"", "SVHN/train_32x32.mat": b"", "top/1.png": b""})
    (tmp_path / "empty").mkdir()
    assert folders_of_images(tmp_path) == ("flat", "split")
    assert folders_of_images(tmp_path / "missing") == ()


def test_of_a_folder_whose_images_differ_in_size_a_job_says_what_to_resize_them_to(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "shapes", FILES)
    assert inspect_folder(folder).sizes_differ is None
    (folder / "train" / "b" / "tall.png").write_bytes(image(size=(9, 7)))
    facts = inspect_folder(folder)
    assert (facts.size, facts.sizes_differ) == ((8, 8), True)
    assert inspect_folder(folder, (5, 4)).sizes_differ is None
