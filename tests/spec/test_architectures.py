"""Winnow's own architectures × masks: the written model says what torch computes for the trained one."""

import numpy as np
import pytest
import torch

from tests.support.architectures import OWN
from tests.support.networks import header
from tests.support.read_back import CLASSES, SIZES, read_back, with_statistics_of
from winnow.artifact.model import write_model
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.lottery.architectures import build, prunable
from winnow.lottery.export import graph
from winnow.lottery.state import network_arrays
from winnow.runtime.predictor import Predictor


@pytest.fixture(params=OWN)
def own(request):
    return ARCHITECTURES[request.param]


@pytest.fixture
def described(request, own):
    """The header of a model of images that are not square, of as many channels as the test asks for."""
    size = (own.smallest + 3, own.smallest + 6)
    return header(own.name, size, request.param, CLASSES)


@pytest.fixture
def network(described):
    """A network with values as training might leave them, statistics of batches too."""
    preprocessing = described.preprocessing
    network = build(described.architecture, CLASSES, preprocessing.channels, preprocessing.size)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in network.parameters():
            scale = (2 / max(1, tensor[0].numel())) ** 0.5 if tensor.ndim > 1 else 0.3
            tensor.normal_(0, scale, generator=random)
    return with_statistics_of(network, torch.randn(4, preprocessing.channels, *preprocessing.size, generator=random))


@pytest.mark.parametrize(("density", "described"), [(1.0, 1), (0.3, 3), (0.02, 1), (0.0, 3)], indirect=["described"])
def test_the_predictor_answers_what_torch_computes(tmp_path, described, network, density):
    random = np.random.default_rng(0)
    weights = network_arrays(network)
    masks = {name: random.random(weights[name].shape) < density for name in prunable(network)}
    with torch.no_grad():
        for name, mask in masks.items():
            weights[name] = np.where(mask, weights[name], np.float32(0))
            network.state_dict()[name].copy_(torch.from_numpy(weights[name]))
    preprocessing = described.preprocessing
    empty = graph(described.architecture, CLASSES, preprocessing.channels, preprocessing.size)
    write_model(tmp_path, empty, described, masks, weights)

    images = random.integers(0, 256, (4, *preprocessing.size, preprocessing.channels), dtype=np.uint8)
    pixels = (images / 255 - np.array(preprocessing.mean)) / np.array(preprocessing.std)
    with torch.inference_mode():
        expected = network.double()(torch.from_numpy(np.moveaxis(pixels, -1, 1).copy())).softmax(1).numpy()
    found = Predictor(tmp_path / "model.onnx").predict(list(images))

    assert np.allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert density < 1 or np.ptp(expected, axis=0).max() > 0.01, (
        "a network that says the same of all images shows nothing"
    )


@pytest.mark.parametrize("size", SIZES)
def test_trained_and_pruned_to_a_tenth_it_is_read_back_equal_from_its_files(tmp_path, own, size):
    read_back(tmp_path, own, *SIZES[size])
