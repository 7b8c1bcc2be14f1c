"""Gaps and planes: lossless rearrangements, small where they ought to be."""

import math

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from tests.support.tensors import arrays
from winnow.artifact import coding
from winnow.artifact.sections import ZSTD_LEVEL
from winnow.contract.problems import InvalidFile

bit_strings = st.one_of(
    nps.arrays(np.bool_, st.integers(0, 80)),
    st.builds(
        lambda size, ones: np.isin(np.arange(size), ones),
        st.integers(0, 3000),
        st.lists(st.integers(0, 3000), max_size=5),
    ),
)


@given(bit_strings)
def test_bits_come_back_from_gaps_and_from_packed_bits(bits):
    assert np.array_equal(coding.bits_of_gaps(coding.gaps(bits), bits.size), bits)
    assert np.array_equal(coding.bits_of_packed(coding.packed(bits), bits.size), bits)


@pytest.mark.parametrize(
    ("ones", "coded"),
    [([0], [0]), ([254], [254]), ([255], [255, 0]), ([0, 1, 511], [0, 0, 255, 254]), ([510], [255, 255, 0]), ([], [])],
)
def test_gaps_are_what_the_page_on_formats_says(ones, coded):
    bits = np.isin(np.arange(1000), ones)
    assert list(coding.gaps(bits)) == coded


@given(st.binary(max_size=20), st.integers(0, 600))
def test_any_bytes_are_gaps_of_a_mask_or_refused(coded, size):
    try:
        bits = coding.bits_of_gaps(coded, size)
    except InvalidFile:
        return
    assert coding.gaps(bits) == coded, "one text for one mask"


@given(arrays(dtype=np.float32, shape=(17,)))
def test_every_bit_of_a_value_survives_the_planes(values):
    back = coding.values_of_planes(*coding.planes(values))
    assert back.tobytes() == values.tobytes()


@pytest.mark.parametrize("density", [0.1, 0.02, 0.01])
def test_a_random_mask_takes_at_most_four_percent_more_than_its_entropy(density):
    bits = np.random.default_rng(0).random(266_200) < density
    entropy = -(density * math.log2(density) + (1 - density) * math.log2(1 - density)) * bits.size / 8
    assert len(zstandard.compress(coding.gaps(bits), ZSTD_LEVEL)) <= 1.04 * entropy
