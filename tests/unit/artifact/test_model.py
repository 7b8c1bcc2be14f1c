"""The four files of a model, and the two that a ticket unpacks to."""

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open

from tests.support.networks import LINEAR, NETWORKS, NORMALISED
from winnow.artifact.masks import read_masks
from winnow.artifact.model import FILE_KINDS, dense_bytes, unpack, write_model
from winnow.artifact.weights import read_weights
from winnow.contract.problems import InvalidFile


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(params=NETWORKS, ids=lambda network: network.name)
def network(request):
    return request.param


def test_a_model_has_exactly_the_files_of_the_table(tmp_path, network):
    write_model(tmp_path, network.graph, network.header, *network.masked(0.3))
    assert set(contents(tmp_path)) == set(FILE_KINDS)


def test_writing_twice_gives_the_same_bytes(tmp_path, network):
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        write_model(tmp_path / name, network.graph, network.header, *network.masked(0.3))
    assert contents(tmp_path / "once") == contents(tmp_path / "again")


@pytest.mark.parametrize("density", [0.0, 0.04, 0.5, 1.0])
def test_unpacking_gives_the_weights_and_mask_byte_for_byte(tmp_path, network, density):
    write_model(tmp_path, network.graph, network.header, *network.masked(density))
    assert unpack(tmp_path / "ticket.winnow", tmp_path / "made" / "here") == network.header
    written = contents(tmp_path / "made" / "here")
    assert set(written) == {"weights.safetensors", "mask.safetensors"}
    assert all(content == (tmp_path / name).read_bytes() for name, content in written.items())


def test_unpacking_a_damaged_ticket_writes_nothing(tmp_path):
    write_model(tmp_path, LINEAR.graph, LINEAR.header, *LINEAR.masked(0.3))
    (tmp_path / "ticket.winnow").write_bytes((tmp_path / "ticket.winnow").read_bytes()[:-1])
    with pytest.raises(InvalidFile, match=r"ticket\.winnow"):
        unpack(tmp_path / "ticket.winnow", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_zeros_lie_exactly_where_the_mask_says(tmp_path):
    masks, weights = NORMALISED.masked(0.3)
    write_model(tmp_path, NORMALISED.graph, NORMALISED.header, masks, weights)
    found = read_weights(tmp_path / "weights.safetensors")
    for name, mask in read_masks(tmp_path / "mask.safetensors").items():
        assert np.array_equal(mask, masks[name])
        assert not found[name].view(np.uint32)[~mask].any()
        assert np.array_equal(found[name][mask], weights[name][mask])


def test_the_weights_say_how_to_prepare_an_image_and_what_the_classes_are(tmp_path):
    write_model(tmp_path, LINEAR.graph, LINEAR.header, *LINEAR.masked(0.3))
    with safe_open(tmp_path / "weights.safetensors", "numpy") as file:
        said = {name: json.loads(text) for name, text in file.metadata().items()}
    assert said == LINEAR.header.model_dump(mode="json")


def test_masks_and_weights_that_do_not_belong_together_are_not_written(tmp_path):
    masks, weights = LINEAR.masked(0.3)
    with pytest.raises(ValueError, match=r"fc\.weight"):
        write_model(tmp_path, LINEAR.graph, LINEAR.header, {"fc.weight": ~masks["fc.weight"]}, weights)
    assert contents(tmp_path) == {}


def test_a_sparse_ticket_is_shown_against_its_content_in_dense_layout():
    sizes = {"ticket.winnow": 10, "weights.safetensors": 400, "mask.safetensors": 15, "model.onnx": 420}
    assert {name: dense_bytes(name, sizes) for name in FILE_KINDS} == sizes | {"ticket.winnow": 400}


def test_reading_the_table_and_unpacking_import_no_onnx_and_no_torch():
    program = (
        "import sys; sys.modules |= dict.fromkeys(('onnx', 'torch', 'onnxruntime'))\n"
        "from winnow.artifact import certificate, digest, masks, model, ticket, weights"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
