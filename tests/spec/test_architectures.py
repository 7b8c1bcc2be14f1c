"""Every architecture × masks: the written model says what torch computes for the trained one."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from tests.support.lottery import recipe, start
from tests.support.networks import header
from winnow.artifact.masks import read_masks
from winnow.artifact.model import write_model
from winnow.artifact.weights import read_weights
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.specs.pruning import Criterion
from winnow.lottery.architectures import build, prunable
from winnow.lottery.data.images import Part, Split
from winnow.lottery.export import graph
from winnow.lottery.pruning import prune
from winnow.lottery.scoring import Subject
from winnow.lottery.state import State, load_network, network_arrays
from winnow.lottery.training import Training, take_step
from winnow.plan.counts import Counts
from winnow.runtime.predictor import Predictor

CLASSES = 5


@pytest.fixture(params=ARCHITECTURES)
def architecture(request):
    return ARCHITECTURES[request.param]


@pytest.fixture(params=[name for name in ARCHITECTURES if "/" not in name])
def own(request):
    """Not torchvision's: what the predictor does with a file is the same, and they take minutes."""
    return ARCHITECTURES[request.param]


@pytest.fixture
def described(request, own):
    """The header of a model of images that are not square, of as many channels as the test asks for."""
    size = (own.smallest + 3, own.smallest + 6)
    return header(own.name, size, request.param, CLASSES)


def with_statistics_of(network, images):
    """The network, its batch norms' statistics those of these images: what long training comes to."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = None  # the plain average
        network.train()(images)
    return network.eval()


def as_after_training(network, dense, images):
    """The pruned network with values as long training might leave them: signals neither die nor blow rounding up.

    After one step deep networks do either: googlenet's logits in float32 are 1e-4 off those in float64, torch's own as
    much as onnxruntime's, and a channel without variance is divided by 0.003.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("layer_scale"):
                parameter.fill_(0.5)
            elif parameter.ndim > 1:
                parameter.mul_(float(np.linalg.norm(dense[name])) / parameter.norm())
        for norm in norms:
            norm.bias.fill_(1)  # most units are on
        with_statistics_of(network, images)
        for norm in norms:
            norm.running_var.clamp_(min=0.5)
    return network


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


@pytest.mark.parametrize(("more", "channels"), [((0, 0), 1), ((3, 6), 3)], ids=["smallest-grey", "larger-colour"])
def test_trained_and_pruned_to_a_tenth_it_is_read_back_equal_from_its_files(tmp_path, architecture, more, channels):
    size = (architecture.smallest + more[0], architecture.smallest + more[1])
    described = header(architecture.name, size, channels, CLASSES)
    kind = {"classes": CLASSES, "channels": channels, "size": size, "init": "kaiming_normal"}
    settings = recipe(architecture.name, **kind, batch_size=4, steps=1)
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (8, channels, *size), dtype=torch.uint8, generator=random)
    part = Part(pixels, torch.arange(8) % CLASSES)
    split = Split(part, part, part, described.preprocessing)

    fresh = start(settings)
    dense = Training(settings, split, fresh, {})
    take_step(dense)
    trained = network_arrays(dense.network)
    assert not any(np.array_equal(trained[name], fresh.network[name]) for name, _ in architecture.layers)

    everything = {name: np.ones(trained[name].shape, np.bool_) for name, _ in architecture.layers}
    asked = tuple(mask.size * 9 // 10 for mask in everything.values())
    pruning = Subject(settings, trained, everything, split, depth=1)
    masks = prune(pruning, Criterion(name="magnitude"), Counts(sum(asked), asked), lambda: None)
    images = torch.randn(4, channels, *size, generator=random)
    sparse = as_after_training(Training(settings, split, State(1, trained, {}), masks).network, trained, images)
    weights = network_arrays(sparse)
    write_model(tmp_path, graph(architecture.name, CLASSES, channels, size), described, masks, weights)

    again = build(architecture.name, CLASSES, channels, size).eval()
    load_network(again, read_weights(tmp_path / "weights.safetensors"))
    with torch.inference_mode():
        expected, from_safetensors = sparse(images).numpy(), again(images).numpy()
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (from_onnx,) = session.run(None, {"input": images.numpy()})

    allowed = 1e-5 * max(1, np.abs(expected).max())
    assert np.abs(from_safetensors - expected).max() <= allowed
    assert np.abs(from_onnx - expected).max() <= allowed
    assert np.ptp(expected, axis=0).max() > 100 * allowed, "a network that says the same of all images shows nothing"
    written = read_masks(tmp_path / "mask.safetensors")
    assert tuple(int((~written[name]).sum()) for name in everything) == asked
    assert not any(weights[name][~mask].any() for name, mask in masks.items())
