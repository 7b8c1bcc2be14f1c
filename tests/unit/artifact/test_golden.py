"""Files written by the first release of each format: read to the exact arrays, written to the exact bytes."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.support import golden
from tests.support.networks import LINEAR, NORMALISED, PERCEPTRON
from tests.support.tensors import by_name, same
from winnow.artifact.certificate import read_certificate
from winnow.artifact.graph import fill
from winnow.artifact.masks import read_masks
from winnow.artifact.sections import Encoding, split
from winnow.artifact.ticket import read_ticket
from winnow.artifact.weights import read_weights
from winnow.runtime.predictor import Predictor

HALF = golden.FOLDER / "half"
NAMES = sorted(str(path.relative_to(golden.FOLDER)) for path in golden.FOLDER.rglob("*.*"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The same files, written now."""
    folder = tmp_path_factory.mktemp("golden")
    golden.write(folder)
    return folder


def test_the_golden_files_are_all_there():
    names = ["graph.onnx", "mask.safetensors", "model.onnx", "ticket.winnow", "weights.safetensors"]
    assert ["certificate.json", *(f"half/{name}" for name in names), "sparse.winnow", "tiny.winnow"] == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if name != "half/graph.onnx"])
def test_writing_gives_the_exact_bytes(written, name):
    assert (written / name).read_bytes() == (golden.FOLDER / name).read_bytes()


@pytest.mark.parametrize(
    ("path", "network", "tensors"),
    [
        (golden.FOLDER / "sparse.winnow", PERCEPTRON, golden.sparse()),
        (HALF / "ticket.winnow", NORMALISED, golden.half()),
        (golden.FOLDER / "tiny.winnow", LINEAR, golden.tiny()),
    ],
    ids=["sparse", "half", "tiny"],
)
def test_reading_a_ticket_gives_the_exact_arrays(path: Path, network, tensors):
    ticket = read_ticket(path)
    assert ticket.header == network.header
    assert same(ticket.masks, by_name(tensors[0]))
    assert same(ticket.weights, by_name(tensors[1]))


def test_the_tickets_show_every_way_of_storing():
    ways = {}
    for name in ("sparse.winnow", "tiny.winnow"):
        stored = split((golden.FOLDER / name).read_bytes())
        ways[name] = [stored[section].encoding for section in (b"MASK", b"EXPO", b"REST")]
    assert ways["sparse.winnow"] == [Encoding.GAPS, Encoding.ZSTD, Encoding.ZSTD]
    assert ways["tiny.winnow"] == [Encoding.RAW] * 3


def test_reading_safetensors_gives_the_exact_arrays():
    masks, weights = golden.half()
    assert same(read_masks(HALF / "mask.safetensors"), by_name(masks))
    assert same(read_weights(HALF / "weights.safetensors"), by_name(weights))


def test_filling_the_graph_gives_the_exact_model_which_can_be_asked():
    weights = golden.half()[1]
    model = fill((HALF / "graph.onnx").read_bytes(), weights, NORMALISED.header.metadata())
    assert model == (HALF / "model.onnx").read_bytes()
    for place in onnx.load_from_string(model).graph.initializer:
        assert numpy_helper.to_array(place).tobytes() == weights[place.name].tobytes()
    assert np.isfinite(Predictor(HALF / "model.onnx").predict(list(NORMALISED.images(3)))).all()


def test_reading_the_certificate_gives_what_was_certified():
    certificate = read_certificate(golden.FOLDER / "certificate.json")
    assert certificate.pop("sha256")
    assert certificate == golden.CERTIFICATE
