"""Every architecture × masks: the predictor answers for the written model what torch computes for the trained one."""

import numpy as np
import pytest
import torch

from tests.support.networks import header
from winnow.artifact.model import write_model
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.lottery.architectures import build, prunable
from winnow.lottery.export import graph
from winnow.lottery.state import network_arrays
from winnow.runtime.predictor import Predictor

CLASSES = 5


@pytest.fixture(params=ARCHITECTURES)
def architecture(request):
    return ARCHITECTURES[request.param]


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def described(request, architecture):
    """The header of a model of images that are not square."""
    size = (architecture.smallest + 3, architecture.smallest + 6)
    return header(architecture.name, size, request.param, CLASSES)


@pytest.fixture
def network(described):
    """A network with values as training might leave them, statistics of batches too."""
    preprocessing = described.preprocessing
    network = build(described.architecture, CLASSES, preprocessing.channels, preprocessing.size)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2, generator=random)
            elif tensor.is_floating_point():
                scale = (2 / max(1, tensor[0].numel())) ** 0.5 if tensor.ndim > 1 else 0.3
                tensor.normal_(0, scale, generator=random)
            else:
                tensor.fill_(7)
    return network.eval()


@pytest.mark.parametrize("density", [1.0, 0.3, 0.02, 0.0])
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

    images = random.integers(0, 256, (20, *preprocessing.size, preprocessing.channels), dtype=np.uint8)
    pixels = (images / 255 - np.array(preprocessing.mean)) / np.array(preprocessing.std)
    with torch.inference_mode():
        expected = network.double()(torch.from_numpy(np.moveaxis(pixels, -1, 1).copy())).softmax(1).numpy()
    found = Predictor(tmp_path / "model.onnx").predict(list(images))

    assert np.allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert density < 1 or np.ptp(expected, axis=0).max() > 0.01, (
        "a network that says the same of all images shows nothing"
    )
