"""Weights that torchvision's authors publish: from the data directory, else downloaded into it."""

import hashlib
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from winnow.contract.problems import InvalidFile, NotFound
from winnow.lottery.data.downloads import downloading, keep

SITE = "https://download.pytorch.org/models/"
FOLDER = "pretrained"

_FIRST_DIGITS = re.compile(r"-([0-9a-f]{8,})\.pth$")


def published(file: str, data_dir: Path | None) -> Path:
    """The file of that name, whose SHA-256 begins as its name says.

    Raises NotFound where it can be had nowhere, InvalidFile where it is another one.
    """
    wanted = f"put {file} into WINNOW_DATA_DIR/{FOLDER}"
    if data_dir is None:
        raise NotFound(f"pretrained weights need a data directory: set WINNOW_DATA_DIR; {wanted}")
    path = data_dir / FOLDER / file
    if not path.is_file():
        _fetch(file, path, wanted)
    _check(path)
    return path


def _fetch(file: str, target: Path, wanted: str) -> None:
    with TemporaryDirectory(prefix="winnow-") as temporary:
        here = Path(temporary, file)
        with downloading(target, wanted):
            torch.hub.download_url_to_file(SITE + file, str(here), _first_digits(file), progress=False)
        with here.open("rb") as source:
            keep(source, target, wanted)


def _check(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(_first_digits(path.name)):
        raise InvalidFile(
            f"{path.name} in WINNOW_DATA_DIR/{FOLDER} is not the published file: its SHA-256 begins with {found[:8]}. "
            f"Delete it, or put the one of {SITE} there."
        )


def _first_digits(file: str) -> str:
    found = _FIRST_DIGITS.search(file)
    assert found is not None  # noqa: S101 - the catalog's mistake: names of published files end in them
    return found.group(1)
