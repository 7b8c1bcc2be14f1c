"""A data set as the facts describe it, from wherever it is kept."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from winnow.artifact.images import adapted
from winnow.artifact.uploads import RawImages, folder_of, list_folder, of_arrays, read_folder, read_upload, unchanged
from winnow.artifact.uploads.image_files import nothing
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import Conflict, NotFound
from winnow.lottery.data.cifar import LAYOUTS, cifar
from winnow.lottery.data.decoders import Decoders, Form
from winnow.lottery.data.digits import digits
from winnow.lottery.data.idx import READERS, idx
from winnow.lottery.data.images import Images, Part
from winnow.lottery.data.official import FOLDERS, official
from winnow.lottery.data.streamed import Source, Streamed


def load(
    facts: DatasetFacts, data_dir: Path | None = None, upload: Path | None = None, beat: Callable[[], None] = nothing
) -> Images:
    """All images of a data set, uint8 N×C×H×W on the CPU, in the order of the fingerprint.

    Of every class, whichever are taken, and in the size and channels that the facts say.
    `data_dir` is WINNOW_DATA_DIR, `upload` a local copy of the uploaded file; `beat` is called while image files are
    decoded, which may take an hour. Every byte is hashed (0.05 s for MNIST):
    raises Conflict where what is there is no longer what the facts say, NotFound where nothing is there, InvalidFile
    where it is damaged.
    """
    raw = _raw(facts.whole, data_dir, upload, beat)
    test = None if raw.x_test is None or raw.y_test is None else _part(raw.x_test, raw.y_test, facts)
    return Images(_part(raw.x, raw.y, facts), test)


def stream(facts: DatasetFacts, data_dir: Path | None, decoders: Decoders) -> Images:
    """The images of a folder of the data directory, which stay in their files until they are wanted.

    Only names are looked at now: that contents are what the facts say is found where the images are measured. Raises
    Conflict and NotFound as `load` does.
    """
    whole, folder = facts.whole, _folder(facts, data_dir)
    files, labels, tested = list_folder(folder)
    y = torch.from_numpy(labels)
    counts = sum(whole.counts), sum(whole.test_counts or ())
    if counts != (len(files) - tested, tested) or len(whole.classes) != int(y.max()) + 1:
        raise Conflict(
            f"data set {facts.name!r} has changed since the job was submitted: it had {sum(counts)} images of "
            f"{len(whole.classes)} classes and has {len(files)} of {int(y.max()) + 1}; put the old files back, or "
            "submit the job again"
        )
    source = Source(
        whole, Form(folder.absolute(), facts.channels, *facts.size), tuple(path for _, path in files), decoders
    )
    rows = torch.arange(len(files))
    test = Streamed(source, rows[:tested], y[:tested]) if tested else None
    return Images(Streamed(source, rows[tested:], y[tested:]), test)


def _folder(facts: DatasetFacts, data_dir: Path | None) -> Path:
    if data_dir is None:
        raise NotFound(f"data set {facts.name!r} is a folder of the data directory: set WINNOW_DATA_DIR")
    return folder_of(data_dir, facts.name)


def _raw(facts: DatasetFacts, data_dir: Path | None, upload: Path | None, beat: Callable[[], None]) -> RawImages:
    if facts.name in FOLDERS and facts.source == "builtin":
        return official(facts.name, data_dir)
    if facts.source == "builtin":
        raw = _builtin(facts.name, data_dir)
        unchanged(facts, of_arrays(facts.classes, raw))
        return raw
    if facts.source == "upload":
        if upload is None:
            raise NotFound(f"data set {facts.name!r} was uploaded, and its file is not at hand: give it as well")
        return read_upload(upload, facts, beat)
    return read_folder(_folder(facts, data_dir), facts, beat)


def _builtin(name: str, data_dir: Path | None) -> RawImages:
    if name == "digits":
        return digits()
    if name in READERS:
        return idx(name, data_dir)
    if name in LAYOUTS:
        return cifar(name, data_dir)
    raise NotFound(f"there is no built-in data set {name!r}: see GET /v1/datasets")


def _part(x: NDArray[np.uint8], y: NDArray[np.int64], facts: DatasetFacts) -> Part:
    fitted = adapted(x, facts.channels, facts.size)  # image files are of that size already, arrays of their own
    return Part(torch.from_numpy(np.ascontiguousarray(np.moveaxis(fitted, -1, 1))), torch.from_numpy(y))
