import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.contract.ids import model_id, new_id
from winnow.contract.seeds import seed_for
from winnow.contract.specs.jobs import SPEC
from winnow.contract.values import canonical_json


def test_one_number_has_one_spelling():
    spellings = [Decimal("0.20"), Decimal("0.2"), 0.2]
    assert {canonical_json({"rate": number}) for number in spellings} == {b'{"rate":0.2}'}


def test_order_of_keys_does_not_matter():
    assert canonical_json({"b": 1, "a": [True, None]}) == canonical_json({"a": (True, None), "b": 1})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("-Infinity")])
def test_numbers_that_are_not_finite_have_no_canonical_json(number):
    with pytest.raises(ValueError, match="finite"):
        canonical_json(number)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_canonical_json_reads_back(value):
    assert json.loads(canonical_json(value)) == value


def test_zero_is_a_seed_and_purposes_differ():
    seeds = {seed_for(0, "init", 0), seed_for(0, "init", 1), seed_for(1, "init", 0), seed_for(0, "order", 0)}
    assert len(seeds) == 4
    assert seed_for(0, "init", 0) == seed_for(0, "init", 0)


def test_ids_sort_by_time_and_a_models_id_follows_from_its_unit():
    first = new_id("job")
    assert len(first) == 30
    assert first[:14] <= new_id("job")[:14]
    assert model_id("a" * 64) == model_id("a" * 64) != model_id("b" * 64)


@given(st.decimals("0.000001", "0.999999", places=6), st.decimals("0.0001", "0.9", places=6))
def test_a_spec_survives_its_own_json(sparsity, rate):
    sent = {"kind": "prune", "dataset": "digits", "model": "lenet5", "target": {"sparsity": sparsity}}
    spec = SPEC.validate_python(sent | {"method": {"schedule": {"name": "iterative", "rate": rate}}})
    again = SPEC.validate_json(spec.model_dump_json())
    assert again == spec
    assert canonical_json(again) == canonical_json(spec)
