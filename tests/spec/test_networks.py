"""Small networks × masks: what an engine answers is what plain numpy computes from the weights in the file."""

import numpy as np
import pytest

from tests.support.networks import NETWORKS
from winnow.artifact.masks import read_masks
from winnow.artifact.model import unpack, write_model
from winnow.artifact.weights import read_weights


def one_weight(mask):
    kept = np.zeros_like(mask)
    kept.flat[0] = True
    return kept


def rows_gone(mask):
    kept = mask.copy()
    kept[::2] = False
    return kept


def first_tensor_gone(masks):
    first = next(iter(masks))
    return masks | {first: np.zeros_like(masks[first])}


MASKS = {
    "dense": lambda masks: {name: np.ones_like(mask) for name, mask in masks.items()},
    "half": lambda masks: masks,
    "rows gone": lambda masks: {name: rows_gone(mask) for name, mask in masks.items()},
    "one weight a tensor": lambda masks: {name: one_weight(mask) for name, mask in masks.items()},
    "first tensor gone": first_tensor_gone,
    "nothing left": lambda masks: {name: np.zeros_like(mask) for name, mask in masks.items()},
}


@pytest.fixture(params=NETWORKS, ids=lambda network: network.name)
def network(request):
    return request.param


@pytest.fixture(params=MASKS)
def folder(request, network, tmp_path):
    """A model's files under one of the masks; its weights and mask come out of the packed ticket."""
    masks, _ = network.masked(0.5)
    masks = MASKS[request.param](masks)
    weights = network.weights()
    for name, mask in masks.items():
        weights[name] = np.where(mask, weights[name], np.float32(0))
    write_model(tmp_path, network.graph, network.header, masks, weights)
    unpack(tmp_path / "ticket.winnow", tmp_path / "unpacked")
    return tmp_path


def by_hand(network, weights, images):
    """Probabilities in float64, by the definitions."""
    preprocessing = network.header.preprocessing
    x = (images / 255 - np.array(preprocessing.mean)) / np.array(preprocessing.std)
    logits = network.forward(np.moveaxis(x, -1, 1), {name: w.astype(np.float64) for name, w in weights.items()})
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_the_answer_is_what_numpy_computes_from_the_unpacked_weights(engine, network, folder):
    images = network.images(20)
    weights = read_weights(folder / "unpacked" / "weights.safetensors")
    for name, mask in read_masks(folder / "unpacked" / "mask.safetensors").items():
        weights[name] *= mask
    expected = by_hand(network, weights, images)
    found = engine(folder, list(images))
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-6)
    clear = np.diff(np.sort(expected, axis=1)[:, -2:]).ravel() > 1e-4
    assert np.array_equal(found.argmax(axis=1)[clear], expected.argmax(axis=1)[clear])
