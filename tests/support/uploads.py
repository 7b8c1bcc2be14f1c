"""Small images and the archives that users send, sound and hostile."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def image(value: int = 0, size: tuple[int, int] = (8, 8), mode: str = "L", form: str = "PNG", **options: Any) -> bytes:
    """An image file of one shade; `size` is height and width."""
    file = io.BytesIO()
    Image.new(mode, (size[1], size[0]), value if mode in "L1" else (value, 0, 255 - value)).save(file, form, **options)
    return file.getvalue()


def classes(*names: str, each: int = 6, top: str = "", **options: Any) -> dict[str, bytes]:
    """Paths and contents of a data set of one folder a class, each image a shade of its own."""
    return {
        f"{top}{name}/{index}.png": image(40 * place + index, **options)
        for place, name in enumerate(names)
        for index in range(each)
    }


def zipped(path: Path, files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip file of these paths, in this order."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def laid_out(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A folder of these paths."""
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def pixels(count: int, height: int = 8, width: int = 8, channels: int = 1, seed: int = 0) -> np.ndarray[Any, Any]:
    """Random uint8 images N×H×W×C."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), dtype=np.uint8)
