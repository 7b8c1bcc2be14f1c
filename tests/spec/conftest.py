"""The ways in which a network that Winnow wrote can be run; each spec is asked of each of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from winnow.runtime.predictor import Predictor

Engine = Callable[[Path, Sequence[np.ndarray]], np.ndarray]


def runtime(folder: Path, images: Sequence[np.ndarray]) -> np.ndarray:
    """The model's ONNX file through the predictor."""
    return Predictor(folder / "model.onnx").predict(images)


@pytest.fixture(params=[runtime], ids=lambda engine: engine.__name__)
def engine(request: pytest.FixtureRequest) -> Engine:
    """From a model's folder and uint8 H×W×C images to probabilities."""
    engine: Engine = request.param
    return engine
