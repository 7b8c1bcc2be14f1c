"""A network in its `model.onnx`, asked through ONNX Runtime. No torch, no onnx."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it ships no types
from numpy.typing import ArrayLike, NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort  # type: ignore[import-untyped]  # it ships no types
from pydantic import Field, ValidationError

from winnow.artifact.header import what_is_wrong
from winnow.artifact.images import decode, decode_array
from winnow.artifact.preprocessing import Preprocessing, normalise
from winnow.contract.problems import InvalidFile
from winnow.contract.resources import Prediction
from winnow.contract.values import Record
from winnow.runtime.probabilities import Probabilities, prediction, softmax

Image = bytes | ArrayLike
"""The bytes of a PNG, JPEG or WebP file; or uint8 pixels H×W or H×W×C, nested lists too, of the network's own size."""

BATCH = 16
"""Images a run: a larger batch gained no speed on `conv6` and its activations took up to 60 MB more."""

_FAILURES = (
    ort.Fail,
    ort.InvalidArgument,
    ort.InvalidGraph,
    ort.InvalidProtobuf,
    ort.NoModel,
    ort.NoSuchFile,
    ort.NotImplemented,
    ort.RuntimeException,
    RuntimeError,
)


class _Metadata(Record):
    classes: tuple[str, ...] = Field(min_length=1)
    preprocessing: Preprocessing


class Predictor:
    """A loaded model. Safe to ask from several threads at once.

    It holds the network's values once, and the activations of one batch while it is asked.
    """

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        """Loads `model.onnx`, to be run with at most `threads` threads.

        Raises InvalidFile where it is malformed, cut off or not of Winnow's form (docs/formats.md).
        """
        try:
            self._session = _session(model, threads)
            metadata = _metadata(self._session.get_modelmeta().custom_metadata_map)
            _check_ends(self._session, metadata)
        except (*_FAILURES, ValueError) as error:
            text = f"this is no model of Winnow's, or one that is cut off ({str(error)[:200]}); get the file again"
            raise InvalidFile(text) from error
        self.classes = metadata.classes
        self.preprocessing = metadata.preprocessing

    def predict(self, images: Sequence[Image], names: Sequence[str] | None = None) -> Probabilities:
        """Probabilities, float64 images × classes.

        Raises InvalidFile for an image that cannot be read, by its name (`image 1` and so on where none are given),
        and for a network that diverged in training.
        """
        named = list(zip(names or [f"image {n + 1}" for n in range(len(images))], images, strict=True))
        rows = [self._probabilities(named[at : at + BATCH]) for at in range(0, len(named), BATCH)]
        return np.concatenate([np.empty((0, len(self.classes))), *rows])

    def predictions(self, names: Sequence[str], images: Sequence[Image], top: int = 5) -> tuple[Prediction, ...]:
        """What the model says of each image, with its `top` likeliest classes; raises InvalidFile as `predict`."""
        rows = self.predict(images, names)
        return tuple(prediction(name, row, self.classes, top) for name, row in zip(names, rows, strict=True))

    def _probabilities(self, named: Sequence[tuple[str, Image]]) -> Probabilities:
        pixels = np.stack([_pixels(image, self.preprocessing, name) for name, image in named])
        inputs = normalise(pixels, self.preprocessing)
        try:
            return softmax(self._session.run(["logits"], {"input": inputs})[0])
        except _FAILURES as error:
            raise InvalidFile(f"this model cannot be run ({str(error)[:200]}); get the file again") from error


def _pixels(image: Image, preprocessing: Preprocessing, name: str) -> NDArray[np.uint8]:
    if isinstance(image, bytes):
        return decode(image, preprocessing, name)
    try:
        return decode_array(image, preprocessing)
    except InvalidFile as error:
        raise InvalidFile(f"{name}: {error.detail}") from error


def _session(model: Path | bytes, threads: int) -> onnxruntime.InferenceSession:
    source = str(model) if isinstance(model, Path) else model
    # Its fallback would load a bad file a second time, and print.
    session = onnxruntime.InferenceSession(source, _options(threads), ["CPUExecutionProvider"], enable_fallback=0)
    session._model_bytes = None  # kept for the fallback only: another copy of the network
    return session


def _options(threads: int) -> onnxruntime.SessionOptions:
    """Threads that sleep when nobody asks, and no arena: memory goes back after each batch.

    What glibc keeps of it for later it gives back at once where the process runs with MALLOC_MMAP_THRESHOLD_=65536:
    sixteen `conv6` of 9 MB, each asked once, then take 142 MB and not 285, and are as fast.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4  # what goes wrong is raised; nothing is printed
    return options


def _metadata(texts: dict[str, str]) -> _Metadata:
    try:
        return _Metadata.model_validate({name: json.loads(texts[name]) for name in _Metadata.model_fields})
    except KeyError as error:
        raise ValueError(f"its metadata has no {error}") from error
    except ValidationError as error:
        raise ValueError(f"its metadata is damaged: {what_is_wrong(error)}") from error
    except RecursionError as error:
        raise ValueError("its metadata is damaged") from error


def _check_ends(session: onnxruntime.InferenceSession, metadata: _Metadata) -> None:
    """The network takes what preprocessing makes, and gives a logit for each class."""
    wanted = metadata.preprocessing
    _check_end("input", session.get_inputs(), [None, wanted.channels, *wanted.size])
    _check_end("logits", session.get_outputs(), [None, len(metadata.classes)])


def _check_end(name: str, ends: Sequence[Any], shape: Sequence[int | None]) -> None:
    found = [(end.name, end.type, list(end.shape)) for end in ends]
    open_batch = len(found) == 1 and len(found[0][2]) == len(shape) and not isinstance(found[0][2][0], int)
    if not open_batch or found[0][:2] != (name, "tensor(float)") or found[0][2][1:] != list(shape[1:]):
        raise ValueError(f"it wants one `{name}`, float32 [N, {str(list(shape[1:]))[1:]}, and has {found}")
