"""A network trained, pruned to a tenth, written, and read back: what comes out of its files is what torch computes."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from tests.support.lottery import recipe, start
from tests.support.networks import header
from winnow.artifact.masks import read_masks
from winnow.artifact.model import write_model
from winnow.artifact.weights import read_weights
from winnow.contract.catalog.architecture import Architecture
from winnow.contract.specs.pruning import Criterion
from winnow.lottery.architectures import build
from winnow.lottery.data.images import Part, Split
from winnow.lottery.export import graph
from winnow.lottery.pruning import prune
from winnow.lottery.scoring import Subject
from winnow.lottery.state import State, load_network, network_arrays
from winnow.lottery.training import Training, take_step
from winnow.plan.counts import Counts

CLASSES = 5
SIZES = {"smallest-grey": ((0, 0), 1), "larger-colour": ((3, 6), 3)}
"""Pixels more than the smallest image that a network accepts, and channels."""


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


def read_back(folder: Path, architecture: Architecture, more: tuple[int, int], channels: int) -> None:
    """Assert it, with files in `folder`."""
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
    write_model(folder, graph(architecture.name, CLASSES, channels, size), described, masks, weights)

    again = build(architecture.name, CLASSES, channels, size).eval()
    load_network(again, read_weights(folder / "weights.safetensors"))
    with torch.inference_mode():
        expected, from_safetensors = sparse(images).numpy(), again(images).numpy()
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    (from_onnx,) = session.run(None, {"input": images.numpy()})

    allowed = 1e-5 * max(1, np.abs(expected).max())
    assert np.abs(from_safetensors - expected).max() <= allowed
    assert np.abs(from_onnx - expected).max() <= allowed
    assert np.ptp(expected, axis=0).max() > 20 * allowed, "a network that says the same of all images shows nothing"
    written = read_masks(folder / "mask.safetensors")
    assert tuple(int((~written[name]).sum()) for name in everything) == asked
    assert not any(weights[name][~mask].any() for name, mask in masks.items())
