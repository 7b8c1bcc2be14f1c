"""Masks: one bit for each position, packed as `numpy.packbits` does."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import numpy as library

from tests.support.tensors import arrays, by_name, names, same
from winnow.artifact.masks import check_masked, read_masks, write_masks
from winnow.artifact.weights import write_weights
from winnow.contract.problems import InvalidFile


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file that each example overwrites."""
    return tmp_path_factory.mktemp("masks") / "mask.safetensors"


@given(st.dictionaries(names, arrays(dtype=bool), max_size=4))
def test_masks_of_any_shape_come_back(path, masks):
    write_masks(path, masks)
    assert same(read_masks(path), by_name(masks))


def test_a_reader_needs_nothing_but_safetensors_and_numpy(path):
    mask = np.random.default_rng(0).random((5, 7)) < 0.3
    write_masks(path, {"fc.weight": mask})
    bits = library.load_file(path)["fc.weight"]
    assert bits.dtype == np.uint8
    assert np.array_equal(np.unpackbits(bits)[:35].reshape(5, 7).astype(bool), mask)


def test_masks_in_fortran_order_are_written_in_c_order(path):
    mask = np.random.default_rng(0).random((5, 7)) < 0.3
    write_masks(path, {"a": np.asfortranarray(mask)})
    assert np.array_equal(read_masks(path)["a"], mask)


BITS = {"a": np.array([0b10100000, 0b10000000], np.uint8)}
HOSTILE = {
    "no shapes": (BITS, {}),
    "shapes that are no JSON": (BITS, {"shapes": "["}),
    "shapes nested without end": (BITS, {"shapes": "[" * 100_000}),
    "shapes that are no object": (BITS, {"shapes": "[9]"}),
    "a negative size": (BITS, {"shapes": '{"a":[-9]}'}),
    "a size that is no whole number": (BITS, {"shapes": '{"a":[9.0]}'}),
    "a size that is true": (BITS, {"shapes": '{"a":[9,true]}'}),
    "a shape that no array has": ({"a": np.zeros(0, np.uint8)}, {"shapes": json.dumps({"a": [0, 10**30]})}),
    "too many axes": ({"a": np.zeros(1, np.uint8)}, {"shapes": json.dumps({"a": [1] * 100})}),
    "another name": (BITS, {"shapes": '{"b":[9]}'}),
    "a name too many": (BITS, {"shapes": '{"a":[9],"b":[9]}'}),
    "fewer bits than positions": (BITS, {"shapes": '{"a":[17]}'}),
    "more bits than positions": (BITS, {"shapes": '{"a":[8]}'}),
    "a one behind the last position": ({"a": np.array([0b1], np.uint8)}, {"shapes": '{"a":[7]}'}),
    "values that are not packed": ({"a": np.zeros(2, np.float32)}, {"shapes": '{"a":[9]}'}),
}


@pytest.mark.parametrize(("tensors", "metadata"), HOSTILE.values(), ids=HOSTILE)
def test_a_file_whose_bits_and_shapes_differ_is_refused_with_its_name(path, tensors, metadata):
    write_weights(path, tensors, metadata)
    with pytest.raises(InvalidFile, match=r"mask\.safetensors"):
        read_masks(path)


@pytest.mark.parametrize("length", [0, 7, 100])
def test_a_truncated_file_is_refused(path, length):
    write_masks(path, {"a": np.ones((9, 9), bool)})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InvalidFile, match=r"mask\.safetensors"):
        read_masks(path)


KEPT = np.array([[True, False], [False, True]])


@pytest.mark.parametrize("at_masked", [1.0, -0.0, np.nan])
def test_a_masked_position_holds_positive_zero_and_nothing_else(at_masked):
    with pytest.raises(ValueError, match=r"must hold \+0\.0"):
        check_masked({"a": KEPT}, {"a": np.where(KEPT, 1, at_masked).astype(np.float32)})


@pytest.mark.parametrize(
    "weights",
    [{}, {"a": np.eye(2)}, {"a": np.eye(3, dtype=np.float32)}, {"b": np.eye(2, dtype=np.float32)}],
    ids=["no tensor", "another type", "another shape", "another name"],
)
def test_a_mask_lies_over_a_float32_tensor_of_its_shape(weights):
    with pytest.raises(ValueError, match="same name and shape"):
        check_masked({"a": KEPT}, weights)
