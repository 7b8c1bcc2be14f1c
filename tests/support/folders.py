"""A small data set of image files on disk, and the jobs that train on it."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.uploads import laid_out
from winnow.artifact.uploads import inspect_folder
from winnow.contract.datasets import DatasetFacts
from winnow.contract.specs.jobs import SPEC
from winnow.plan import Known, Resolved, resolve_sent

NAME = "shapes"
CLASSES = ("disc", "ring", "square")


def shapes(data_dir: Path, each: int = 15) -> DatasetFacts:
    """DATA_DIR/shapes: so many noisy pictures of three classes, PNG and JPEG in turn, in colour, of several sizes."""
    random, files = np.random.default_rng(0), {}
    for place, name in enumerate(CLASSES):
        for index in range(each):
            pixels = random.integers(0, 200, (16 + index % 3, 14 + index % 2, 3))
            pixels[:, :, place] += 55
            suffix = "jpg" if index % 2 else "png"
            files[f"{name}/{index:02}.{suffix}"] = _file(pixels.astype(np.uint8), suffix)
    return inspect_folder(laid_out(data_dir / NAME, files)).facts(NAME)


def job_on(facts: DatasetFacts, **sent: Any) -> Resolved:
    """A job on the shapes, of one replicate unless it trains alone; a few steps of SGD on digits_cnn's shape."""
    spec: dict[str, Any] = {
        "kind": "train",
        "dataset": {"name": NAME, "size": [8, 10], "channels": 1},
        "model": "lenet_300_100",
        "train": {"steps": 12, "batch_size": 8, "optimizer": {"name": "sgd", "lr": 0.05}},
    }
    known = Known(dataset=lambda _name: facts, model=lambda _name: (), auto="cpu")
    return resolve_sent(spec | sent, SPEC.validate_python, known)


def _file(pixels: np.ndarray[Any, Any], suffix: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG" if suffix == "jpg" else "PNG")
    return file.getvalue()
