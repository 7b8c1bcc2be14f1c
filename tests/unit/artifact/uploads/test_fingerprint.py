"""The fingerprint: the same for the same content whatever the container, another for every change that matters."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.support.uploads import classes, image, pixels, zipped
from winnow.artifact.uploads import RawImages, inspect_npz, inspect_zip, of_arrays

FILES = classes("a", "b", top="train/") | classes("a", "b", each=2, top="test/")


def _fingerprint(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> str:
    return inspect_zip(zipped(path, files, compression)).fingerprint


def test_order_compression_and_times_do_not_enter(tmp_path: Path) -> None:
    path = tmp_path / "old.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, data in reversed(FILES.items()):
            file.writestr(zipfile.ZipInfo(f"top/{name}", (1999, 1, 1, 0, 0, 0)), data)
    assert inspect_zip(path).fingerprint == _fingerprint(tmp_path / "new.zip", FILES)


def test_the_size_that_images_are_resized_to_does_not_enter(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", FILES)
    assert inspect_zip(path, (4, 4)).fingerprint == inspect_zip(path).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        {**FILES, "train/a/0.png": image(1)},
        {**FILES, "train/a/more.png": image(0)},
        {name: data for name, data in FILES.items() if name != "train/a/0.png"},
        {name.replace("/b/", "/c/"): data for name, data in FILES.items()},
        {name.replace("0.png", "9.png"): data for name, data in FILES.items()},
        {name.removeprefix("train/"): data for name, data in FILES.items() if name.startswith("train/")},
        {**FILES, "train/a/0.png": FILES["train/b/0.png"], "train/b/0.png": FILES["train/a/0.png"]},
    ],
)
def test_every_name_and_every_byte_enters(tmp_path: Path, other: dict[str, bytes]) -> None:
    assert _fingerprint(tmp_path / "a.zip", other) != _fingerprint(tmp_path / "b.zip", FILES)


def test_it_is_what_its_page_says_for_files(tmp_path: Path) -> None:
    lines = [
        f'["{split}","{label}","{index}.png","{hashlib.sha256(FILES[f"{split}/{label}/{index}.png"]).hexdigest()}"]\n'
        for split, count in (("test", 2), ("train", 6))
        for label in "ab"
        for index in range(count)
    ]
    text = "winnow data set 1: files\n" + "".join(lines)
    assert _fingerprint(tmp_path / "a.zip", FILES) == hashlib.sha256(text.encode()).hexdigest()


def test_it_is_what_its_page_says_for_arrays(tmp_path: Path) -> None:
    x, y = pixels(20, 3, 4), np.arange(20) % 2
    np.savez(tmp_path / "a.npz", x=x[..., 0], y=y, x_test=x[:5, ..., 0], y_test=y[:5], classes=np.array(["é", "b"]))
    lines = [
        f'["{split}",[{count},3,4,1],"{hashlib.sha256(x[:count].tobytes()).hexdigest()}",'
        f'"{hashlib.sha256(y[:count].astype("<i8").tobytes()).hexdigest()}"]\n'
        for split, count in (("train", 20), ("test", 5))
    ]
    text = 'winnow data set 1: arrays\n["é","b"]\n' + "".join(lines)
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert inspect_npz(tmp_path / "a.npz").fingerprint == expected
    assert of_arrays(("é", "b"), RawImages(x, y, x[:5], y[:5])) == expected


def test_compression_of_an_npz_does_not_enter(tmp_path: Path) -> None:
    x, y = pixels(20), np.arange(20) % 2
    np.savez(tmp_path / "a.npz", x=x, y=y)
    np.savez_compressed(tmp_path / "b.npz", y=y, x=x)
    assert inspect_npz(tmp_path / "a.npz") == inspect_npz(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", x=x, y=1 - y)
    assert inspect_npz(tmp_path / "c.npz").fingerprint != inspect_npz(tmp_path / "a.npz").fingerprint
