import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from tests.support.architectures import KINDS
from tests.support.architectures import OWN as OWN_NAMES
from tests.support.lottery import recipe, split, start
from winnow.artifact.graph import fill
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.recipes import Recipe
from winnow.lottery.architectures import build, outline
from winnow.lottery.export import graph
from winnow.lottery.state import load_network, network_arrays
from winnow.lottery.training import Training, take_step

ALL_KINDS = pytest.mark.parametrize("architecture", [*OWN_NAMES, *KINDS])
# What torchvision's compute is held in tests/spec, with statistics that they do not blow rounding up with.
OWN = pytest.mark.parametrize("architecture", OWN_NAMES)


def made(settings: Recipe) -> bytes:
    return graph(settings.architecture, settings.classes, settings.channels, settings.size)


def settings_of(architecture: str, channels: int = 3) -> Recipe:
    side = max(8, ARCHITECTURES[architecture].smallest)
    return recipe(architecture, classes=5, channels=channels, size=(side + 1, side + 4))


@OWN
@pytest.mark.parametrize("channels", [1, 3])
def test_a_filled_graph_computes_what_the_network_does(architecture: str, channels: int) -> None:
    settings = settings_of(architecture, channels)
    values = start(settings, seed=3).network
    random = np.random.default_rng(0)
    for array in values.values():  # as after training: nothing is 0 or 1 as it began
        if array.dtype == np.float32:
            np.add(array, random.normal(0, 0.05, array.shape), out=array, casting="same_kind")
    network = build(architecture, settings.classes, channels, settings.size).eval()
    load_network(network, values)
    filled = fill(made(settings), values, {})
    onnx.checker.check_model(onnx.load_from_string(filled), full_check=True)
    session = onnxruntime.InferenceSession(filled, providers=["CPUExecutionProvider"])
    assert [end.name for end in (*session.get_inputs(), *session.get_outputs())] == ["input", "logits"]
    for images in (1, 4):
        batch = random.normal(size=(images, channels, *settings.size)).astype(np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(batch)).numpy()
        (found,) = session.run(None, {"input": batch})
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_batch_norm_stays_a_layer_of_its_own() -> None:
    """Folded into the convolutions, the graph would have other weights than the ticket (trap 30)."""
    nodes = onnx.load_from_string(made(settings_of("resnet20"))).graph.node
    assert [node.op_type for node in nodes].count("BatchNormalization") == 19
    assert [node.op_type for node in nodes].count("Conv") == 19


@ALL_KINDS
def test_initializers_are_the_state_dict_and_hold_nothing(architecture: str) -> None:
    settings = settings_of(architecture)
    parsed = onnx.load_from_string(made(settings))
    network = outline(architecture, settings.classes, settings.channels, settings.size)
    floats = {name: tuple(held.shape) for name, held in network.state_dict().items() if held.is_floating_point()}
    assert {place.name: tuple(place.dims) for place in parsed.graph.initializer} == floats
    assert not any(place.raw_data or place.float_data for place in parsed.graph.initializer)
    assert len(made(settings)) < 350 * len(parsed.graph.node)
    assert parsed.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


@ALL_KINDS
def test_it_names_no_place_of_this_machine(architecture: str) -> None:
    text = made(settings_of(architecture))
    for place in (Path(__file__).parents[3], Path(torch.__file__).parent, Path.home()):
        assert str(place).encode() not in text
    assert not onnx.load_from_string(text).metadata_props
    assert b".py" not in text


def test_every_process_writes_the_same_bytes() -> None:
    program = (
        "import hashlib\nfrom winnow.lottery.export import graph\n"
        "print(hashlib.sha256(graph('resnet20', 5, 3, (9, 12))).hexdigest())"
    )
    for seed in ("1", "2"):
        ended = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        )
        assert ended.stdout.strip() == hashlib.sha256(graph("resnet20", 5, 3, (9, 12))).hexdigest()


def test_a_trained_network_is_still_the_graphs() -> None:
    settings = recipe("resnet20", size=(8, 8))
    training = Training(settings, split(), start(settings), {})
    take_step(training)
    filled = fill(made(settings), network_arrays(training.network), {})
    images, _ = training.batches.at(1)
    with torch.no_grad():
        expected = training.network.eval()(images).numpy()
    (found,) = onnxruntime.InferenceSession(filled).run(None, {"input": images.numpy()})
    assert np.allclose(found, expected, atol=1e-4)
