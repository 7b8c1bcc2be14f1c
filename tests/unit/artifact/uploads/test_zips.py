"""A zip of images: its layouts, how it is read, and what in it is no data set."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.uploads import classes, image, pixels, zipped
from winnow.artifact.uploads import image_files, inspect_zip, read_upload
from winnow.contract.problems import Conflict, InvalidFile


def _trained_and_tested(top: str = "") -> dict[str, bytes]:
    return classes("a", "b", top=f"{top}train/") | classes("a", "b", each=2, top=f"{top}test/")


@pytest.mark.parametrize("top", ["", "photos/", "train/"])
def test_one_folder_a_class(tmp_path: Path, top: str) -> None:
    facts = inspect_zip(zipped(tmp_path / "a.zip", classes("zebra", "ant", top=top)))
    assert facts.classes == ("ant", "zebra")
    assert facts.counts == (6, 6)
    assert facts.test_counts is None
    assert (facts.channels, facts.size) == (1, (8, 8))


@pytest.mark.parametrize("top", ["", "photos/", "train/"])
def test_its_own_test_set(tmp_path: Path, top: str) -> None:
    facts = inspect_zip(zipped(tmp_path / "a.zip", _trained_and_tested(top)))
    assert facts.counts == (6, 6)
    assert facts.test_counts == (2, 2)


@pytest.mark.parametrize("top", ["", "photos/"])
def test_official_validation_images_are_the_test_set_where_there_is_no_other(tmp_path: Path, top: str) -> None:
    named = {path.replace("test/", "val/"): data for path, data in _trained_and_tested(top).items()}
    facts = inspect_zip(zipped(tmp_path / "a.zip", named))
    assert (facts.counts, facts.test_counts) == ((6, 6), (2, 2))
    assert facts == inspect_zip(zipped(tmp_path / "b.zip", _trained_and_tested(top)))


def test_a_class_may_be_called_val_and_a_folder_around_all_of_it(tmp_path: Path) -> None:
    assert inspect_zip(zipped(tmp_path / "a.zip", classes("val", "test"))).classes == ("test", "val")
    alone = inspect_zip(zipped(tmp_path / "b.zip", classes("a", "b", top="val/")))
    assert (alone.classes, alone.test_counts) == (("a", "b"), None)


def test_bitmaps_pnm_and_tiff_are_read_as_png_is(tmp_path: Path) -> None:
    png = zipped(tmp_path / "a.zip", classes("a", "b"))
    forms = {"0.bmp": "BMP", "1.pgm": "PPM", "2.tif": "TIFF", "3.TIFF": "TIFF", "4.ppm": "PPM", "5.webp": "WEBP"}
    files = {
        f"{label}/{name}": image(40 * place + int(name[0]), form=form, **({"lossless": True} if form == "WEBP" else {}))
        for place, label in enumerate("ab")
        for name, form in forms.items()
    }
    other = zipped(tmp_path / "b.zip", files)
    found = [read_upload(path, inspect_zip(path).facts("mine", "0" * 64)).x for path in (png, other)]
    np.testing.assert_array_equal(found[1][..., :1], found[0])


def test_what_file_managers_leave_behind_is_ignored(tmp_path: Path) -> None:
    litter = ("__MACOSX/photos/a/._0.png", "photos/.DS_Store", "photos/a/Thumbs.db", ".git/config", "photos/b/.x.png")
    sound = classes("a", "b", top="photos/")
    with_litter = inspect_zip(zipped(tmp_path / "a.zip", dict.fromkeys(litter, b"no image") | sound))
    assert with_litter == inspect_zip(zipped(tmp_path / "b.zip", sound))


def test_folders_of_their_own_are_fine(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b"))
    with zipfile.ZipFile(path, "a") as file:
        file.mkdir("a/")
        file.mkdir("empty/")
    assert inspect_zip(path).classes == ("a", "b")


def test_one_colour_image_makes_all_of_them_rgb(tmp_path: Path) -> None:
    files = classes("a", "b") | {"a/red.png": image(200, mode="RGB")}
    facts = inspect_zip(zipped(tmp_path / "a.zip", files))
    assert facts.channels == 3
    raw = read_upload(tmp_path / "a.zip", facts.facts("mine", "0" * 64))
    assert raw.x.shape == (13, 8, 8, 3)


def test_mixed_sizes_want_a_size(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b") | {"b/tall.png": image(size=(9, 8))})
    with pytest.raises(InvalidFile, match=r"8×8.*9×8.*size=32x32"):
        inspect_zip(path)
    facts = inspect_zip(path, (5, 4))
    assert facts.size == (5, 4)
    assert read_upload(path, facts.facts("mine", "0" * 64)).x.shape == (13, 5, 4, 1)


def test_reading_gives_the_images_in_the_order_of_the_fingerprint(tmp_path: Path) -> None:
    files = dict(reversed(_trained_and_tested().items()))
    path = zipped(tmp_path / "a.zip", files)
    raw = read_upload(path, inspect_zip(path).facts("mine", "0" * 64))
    assert raw.x_test is not None
    assert raw.y_test is not None
    assert raw.x[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 40, 41, 42, 43, 44, 45]
    assert raw.y.tolist() == [0] * 6 + [1] * 6
    assert raw.x_test[:, 0, 0, 0].tolist() == [0, 1, 40, 41]
    assert raw.y_test.tolist() == [0, 0, 1, 1]
    assert raw.y.dtype == np.int64


def test_who_waits_for_the_images_is_told_now_and_then_that_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "BEAT_IMAGES", 5)
    path, beats = zipped(tmp_path / "a.zip", _trained_and_tested()), []
    read_upload(path, inspect_zip(path).facts("mine", "0" * 64), lambda: beats.append(1))
    assert len(beats) == 4, "before the first of 16 images and after each five"


def test_another_file_than_the_facts_describe_is_a_conflict(tmp_path: Path) -> None:
    facts = inspect_zip(zipped(tmp_path / "a.zip", classes("a", "b"))).facts("mine", "0" * 64)
    other = zipped(tmp_path / "b.zip", classes("a", "b") | {"a/0.png": image(1)})
    with pytest.raises(Conflict, match="'mine' has changed"):
        read_upload(other, facts)


def test_an_image_that_is_cut_off_is_named_when_it_is_read(tmp_path: Path) -> None:
    noise = io.BytesIO()
    Image.fromarray(pixels(1)[0, ..., 0]).save(noise, "PNG")
    path = zipped(tmp_path / "a.zip", classes("a", "b") | {"a/cut.png": noise.getvalue()[:-30]})
    facts = inspect_zip(path).facts("mine", "0" * 64)
    with pytest.raises(InvalidFile, match=r"'a/cut\.png' is cut off"):
        read_upload(path, facts)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "no images"),
        ({".hidden": b""}, "no images"),
        (classes("only"), "only one class, 'only'"),
        (classes("a", "b") | {"a/text.png": b"hello"}, "'a/text.png' is no PNG"),
        (classes("a", "b") | {"a/notes.txt": b"hello"}, "'a/notes.txt' is no image"),
        (classes("a", "b") | {"a/more.zip": b"PK"}, "'a/more.zip' is no image"),
        (classes("a", "b") | {"loose.png": image()}, "different depths"),
        (classes("a", "b") | {"a/deep/x.png": image()}, "different depths"),
        (classes("a", "b", top="train/") | classes("a", top="valid/"), "'valid/a/0.png' is not where"),
        (_trained_and_tested() | classes("a", top="val/"), "there are test/ and val/.* leave one of them out"),
        (_trained_and_tested("x/") | classes("a", top="x/val/"), "there are test/ and val/"),
        (classes("a", "b") | {"a/more.bmp": b"GIF89a"}, "'a/more.bmp' is no PNG"),
        ({f"x/y/{path}": data for path, data in _trained_and_tested().items()}, "is not where"),
        (
            classes("a", "b", top="train/") | classes("c", top="test/"),
            "'c' has images in test/ .or val/., none in train/",
        ),
        (classes("a", "b", top="test/"), "'a' has images in test/ .or val/., none in train/"),
        (classes("a", "b", each=2), "too few"),
        (classes("a", "b") | {"c/0.png": image()}, "class 'c' has 1 image"),
        (classes("a", "b") | {"../evil.png": image()}, "plain paths"),
        (classes("a", "b") | {"a/../../evil.png": image()}, "plain paths"),
        (classes("a", "b") | {"/etc/evil.png": image()}, "plain paths"),
        (classes("a", "b") | {"a\\evil.png": image()}, "plain paths"),
        (classes("a", "b") | {"a//evil.png": image()}, "plain paths"),
        (classes("a", "b") | {"./a/evil.png": image()}, "plain paths"),
        (classes("a", "b") | {"a/li\nne.png": image()}, "plain paths"),
        (classes("a", "b") | {"a/zeros.png": bytes(100 * 2**20)}, "unpack to"),
        (classes("a", "b", size=(6000, 6000), each=2), "pixels"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path: Path, files: dict[str, bytes], says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        inspect_zip(zipped(tmp_path / "a.zip", files))
