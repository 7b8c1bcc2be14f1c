"""ONNX graphs: emptied once, filled for each level, by name."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.networks import NETWORKS, NORMALISED, RESIDUAL
from winnow.artifact.graph import fill
from winnow.contract.problems import InvalidFile

WEIGHTS = NORMALISED.weights()


def initializers(data):
    return {place.name: numpy_helper.to_array(place) for place in onnx.load_from_string(data).graph.initializer}


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_each_initializer_holds_the_weight_of_its_name(network):
    weights = network.weights()
    filled = fill(network.graph, weights, {})
    onnx.checker.check_model(filled, full_check=True)
    assert {name: array.tobytes() for name, array in initializers(filled).items()} == {
        name: array.tobytes() for name, array in weights.items() if array.ndim
    }


def test_nan_payloads_and_signed_zeros_survive():
    bits = np.array([0x7FC01234, 0x80000000, 1], np.uint32)
    weights = WEIGHTS | {"fc.bias": bits.view(np.float32)}
    assert initializers(fill(NORMALISED.graph, weights, {}))["fc.bias"].tobytes() == bits.tobytes()


def test_filling_again_replaces_values_and_metadata():
    once = fill(NORMALISED.graph, WEIGHTS, {"classes": "[]"})
    twice = fill(fill(NORMALISED.graph, NORMALISED.weights(seed=1), {"old": "1"}), WEIGHTS, {"classes": "[]"})
    assert once == twice


def test_the_bytes_do_not_depend_on_the_order_of_names():
    once = fill(NORMALISED.graph, WEIGHTS, {"a": "1", "b": "2"})
    assert fill(NORMALISED.graph, dict(reversed(WEIGHTS.items())), {"b": "2", "a": "1"}) == once


def test_constants_that_the_exporter_put_in_stay():
    model = onnx.load_from_string(RESIDUAL.graph)
    model.graph.initializer.append(numpy_helper.from_array(np.array([0, -1]), "shape of something"))
    filled = fill(model.SerializeToString(), RESIDUAL.weights(), {})
    assert list(initializers(filled)["shape of something"]) == [0, -1]


def test_values_kept_in_typed_fields_are_replaced_too():
    typed = helper.make_tensor("fc.bias", TensorProto.FLOAT, [3], [9.0, 9.0, 9.0])
    model = onnx.load_from_string(NORMALISED.graph)
    place = next(place for place in model.graph.initializer if place.name == "fc.bias")
    place.CopyFrom(typed)
    assert fill(model.SerializeToString(), WEIGHTS, {}) == fill(NORMALISED.graph, WEIGHTS, {})


@pytest.mark.parametrize(
    ("weights", "word"),
    [
        ({name: WEIGHTS[name] for name in WEIGHTS if name != "fc.bias"}, r"nothing to put into fc\.bias"),
        (WEIGHTS | {"fc2.weight": np.zeros(3, np.float32)}, r"no initializer fc2\.weight"),
        (WEIGHTS | {"fc.bias": np.zeros(4, np.float32)}, r"fc\.bias: the graph wants \[3\] FLOAT, not \[4\] float32"),
        (WEIGHTS | {"fc.bias": np.zeros(3, np.float64)}, r"fc\.bias: the graph wants \[3\] FLOAT, not \[3\] float64"),
    ],
    ids=["missing", "unexpected", "wrong shape", "wrong type"],
)
def test_values_of_another_network_are_refused(weights, word):
    with pytest.raises(InvalidFile, match=word):
        fill(NORMALISED.graph, weights, {})


@pytest.mark.parametrize("data", [b"", b"not a graph", NORMALISED.graph[:-50], b"\x08\x0a"])
def test_what_is_no_graph_is_refused(data):
    with pytest.raises(InvalidFile, match="ONNX graph"):
        fill(data, WEIGHTS, {})
