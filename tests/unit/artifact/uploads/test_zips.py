"""A zip of images: its layouts, and everything that is refused with a text that says what to do."""

import contextlib
import io
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.uploads import classes, image, pixels, zipped
from winnow.artifact.uploads import archive, image_files, inspect_zip, read_upload
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


def _with_entry(path: Path, change: Callable[[zipfile.ZipInfo], None]) -> Path:
    """A sound data set, and one entry more that was tampered with."""
    zipped(path, classes("a", "b"))
    with zipfile.ZipFile(path, "a") as file:
        entry = zipfile.ZipInfo("a/odd.png")
        change(entry)
        file.writestr(entry, image())
    return path


def test_symbolic_links_and_devices_are_refused(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        path = _with_entry(tmp_path / "a.zip", lambda entry, kind=kind: setattr(entry, "external_attr", kind << 16))
        with pytest.raises(InvalidFile, match="a link or a device"):
            inspect_zip(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compression_is_refused(tmp_path: Path, method: int) -> None:
    path = _with_entry(tmp_path / "a.zip", lambda entry: setattr(entry, "compress_type", method))
    with pytest.raises(InvalidFile, match="use deflate"):
        inspect_zip(path)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b"))
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("a/0.png", image(5))
    with pytest.raises(InvalidFile, match=r"two entries named 'a/0\.png'"):
        inspect_zip(path)


def _central(path: Path, offset: int, form: str, value: int) -> Path:
    """The archive with one field of its last entry in the table of contents overwritten."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.rfind(b"PK\x01\x02") + offset, value)
    path.write_bytes(data)
    return path


def test_encrypted_entries_are_refused(tmp_path: Path) -> None:
    path = _central(zipped(tmp_path / "a.zip", classes("a", "b")), 8, "<H", 1)
    with pytest.raises(InvalidFile, match="without a password"):
        inspect_zip(path)


def test_a_name_with_a_hidden_end_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b") | {"a/x.png?.sh": image()})
    path.write_bytes(path.read_bytes().replace(b"x.png?.sh", b"x.png\0.sh"))
    with pytest.raises(InvalidFile, match="plain paths"):
        inspect_zip(path)


def test_an_empty_name_is_refused(tmp_path: Path) -> None:
    name_and_extra_lengths = 0 | 1 << 16
    path = _central(zipped(tmp_path / "a.zip", classes("a", "b") | {"z": b""}), 28, "<I", name_and_extra_lengths)
    with pytest.raises(InvalidFile, match="plain paths"):
        inspect_zip(path)


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes("a", "b") | {"b/last.png": image()}, zipfile.ZIP_STORED)
    size = path.stat().st_size
    _central(path, 20, "<I", size)
    with pytest.raises(InvalidFile, match="overlap"):
        inspect_zip(path)


def test_a_size_that_is_a_lie_unpacks_no_further_than_promised(tmp_path: Path) -> None:
    bomb = bytes(60 * 2**20)
    path = _central(zipped(tmp_path / "a.zip", classes("a", "b") | {"b/x.png": bomb}), 24, "<I", 1000)
    tracemalloc.start()
    with pytest.raises(InvalidFile):
        inspect_zip(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_wrong_checksum_is_told(tmp_path: Path) -> None:
    path = _central(zipped(tmp_path / "a.zip", classes("a", "b")), 16, "<I", 0)
    with pytest.raises(InvalidFile, match="damaged"):
        inspect_zip(path)


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a/0.png": b""})
    data = path.read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    contents = data[start:end] * (archive.MAX_ENTRIES + 1)
    path.write_bytes(data[:start] + contents + data[end : end + 12] + struct.pack("<IIH", len(contents), start, 0))
    with pytest.raises(InvalidFile, match="100,001 entries"):
        inspect_zip(path)


def test_a_long_table_of_contents_is_never_read(tmp_path: Path) -> None:
    long = {"n" * 60_000 + str(index): b"" for index in range(250)}
    with pytest.raises(InvalidFile, match="table of contents"):
        inspect_zip(zipped(tmp_path / "a.zip", long))


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 100])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(InvalidFile, match="make it again"):
        inspect_zip(path)


def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(2**20)
    # A megabyte behind the end of each image: readers of images stop before it.
    files = {path: data + noise for path, data in classes("a", "b", each=40).items()}
    path = zipped(tmp_path / "a.zip", files, zipfile.ZIP_STORED)
    tracemalloc.start()
    inspect_zip(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return zipped(tmp_path_factory.mktemp("sound") / "a.zip", classes("a", "b")).read_bytes()


@settings(max_examples=100)
@given(changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=5), cut=st.integers(0, 100))
def test_a_damaged_archive_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(sound)
    for place, value in changes:
        data[-1 - place % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(data[: len(data) - (cut if cut > 50 else 0)])
    with contextlib.suppress(InvalidFile):
        inspect_zip(path)
