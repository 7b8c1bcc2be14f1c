"""Softmax and the ranking of classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from winnow.contract.problems import InvalidFile
from winnow.runtime.probabilities import prediction, softmax

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
logits = nps.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=finite)


@given(logits)
def test_any_finite_logits_give_probabilities_that_sum_to_one_in_their_order(logits):
    rows = softmax(logits)
    assert rows.dtype == np.float64
    assert np.allclose(rows.sum(axis=1), 1, rtol=0, atol=1e-14)
    for row, values in zip(rows, logits, strict=True):
        order = np.argsort(values, kind="stable")
        assert (np.diff(row[order]) >= 0).all()


def test_it_is_the_textbooks_softmax():
    values = np.array([[1.0, 2.0, 3.0]], np.float32)
    assert np.allclose(softmax(values), np.exp(values.astype(float)) / np.exp(values.astype(float)).sum(), rtol=1e-15)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_refused(value):
    with pytest.raises(InvalidFile, match="diverged"):
        softmax(np.array([[0, value]], np.float32))


def test_of_equals_the_lower_index_comes_first():
    found = prediction("a", np.array([0.2, 0.4, 0.4]), ("x", "y", "z"), top=5)
    assert [top.label for top in found.top] == ["y", "z", "x"]
    assert (found.name, found.label, found.index, found.probability) == ("a", "y", 1, 0.4)
