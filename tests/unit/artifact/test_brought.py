"""Weights that somebody brings: matched by name, told what does not fit, and made what the architecture has."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.brought import half_pruned, weights
from winnow.artifact.brought import COUNTED, PREFIXES, brought_masks, entries, read_brought
from winnow.artifact.masks import write_masks
from winnow.artifact.weights import Array, write_weights
from winnow.contract.problems import InvalidFile

WANTED = {name: array.shape for name, array in weights().items()}
WITH_NORM = {"conv.weight": (2, 1, 3, 3), "bn.weight": (2,), f"bn{COUNTED}": ()}
PRUNABLE = [name for name, shape in WANTED.items() if len(shape) > 1]


def file(folder: Path, tensors: dict[str, Array]) -> Path:
    write_weights(path := folder / "some.safetensors", tensors)
    return path


@given(prefixes=st.lists(st.sampled_from(PREFIXES), max_size=3).map("".join))
def test_what_wrappers_put_before_every_name_is_taken_off(
    tmp_path_factory: pytest.TempPathFactory, prefixes: str
) -> None:
    path = file(tmp_path_factory.mktemp("w"), {prefixes + name: array for name, array in weights().items()})
    found = read_brought(path, WANTED)
    assert list(found) == list(WANTED)
    assert all(np.array_equal(found[name], array) for name, array in weights().items())


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
def test_weights_are_float32_whatever_they_were(tmp_path: Path, dtype: str) -> None:
    found = read_brought(file(tmp_path, {name: array.astype(dtype) for name, array in weights().items()}), WANTED)
    assert {array.dtype for array in found.values()} == {np.dtype("float32")}


def test_the_count_of_batches_may_be_missing_and_nothing_else(tmp_path: Path) -> None:
    whole = {"conv.weight": np.ones((2, 1, 3, 3), np.float32), "bn.weight": np.ones(2, np.float32)}
    found = read_brought(file(tmp_path, whole), WITH_NORM)
    assert (found[f"bn{COUNTED}"].dtype, found[f"bn{COUNTED}"].shape) == (np.dtype("int64"), ())
    del whole["bn.weight"]
    with pytest.raises(InvalidFile) as refused:
        read_brought(file(tmp_path, whole), WITH_NORM)
    assert refused.value.members == {"missing": ["bn.weight"], "unexpected": [], "wrong_shape": []}


def test_everything_that_does_not_fit_is_told_at_once(tmp_path: Path) -> None:
    sent = weights()
    missing, reshaped = next(iter(sent)), list(sent)[1]
    del sent[missing]
    sent[reshaped] = np.zeros((3, 5), np.float32)
    sent["extra.weight"] = np.zeros(2, np.float32)
    with pytest.raises(InvalidFile, match=r"1 missing.*1 unexpected.*1 of another shape") as refused:
        read_brought(file(tmp_path, sent), WANTED)
    assert refused.value.members["missing"] == [missing]
    assert refused.value.members["unexpected"] == ["extra.weight"]
    assert refused.value.members["wrong_shape"] == [f"{reshaped}: [3, 5], not {list(WANTED[reshaped])}"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    sent = weights()
    sent[PRUNABLE[0]].flat[3] = value
    with pytest.raises(InvalidFile, match="no finite numbers"):
        read_brought(file(tmp_path, sent), WANTED)


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="weights are F64, F32, F16"):
        read_brought(file(tmp_path, weights() | {PRUNABLE[0]: np.zeros(WANTED[PRUNABLE[0]], np.int64)}), WANTED)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 a zip",
        (2**60).to_bytes(8, "little"),
        (2).to_bytes(8, "little") + b"[]",
        (9).to_bytes(8, "little") + b'{"a": 1}\n',
        (40_000).to_bytes(8, "little") + b"[" * 40_000,
    ],
)
def test_what_is_no_safetensors_is_refused_with_advice(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.safetensors"
    path.write_bytes(content)
    with pytest.raises(InvalidFile, match="winnow convert"):
        entries(path)


def test_a_weight_of_zero_is_masked_only_if_it_is_said_to_be() -> None:
    """Trap 18: what is pruned is never told from values alone."""
    sparse = half_pruned()
    assert all(mask.all() for mask in brought_masks(sparse, PRUNABLE, None, None).values())
    said = brought_masks(sparse, PRUNABLE, "masked", None)
    assert all(np.array_equal(mask, sparse[name] != 0) for name, mask in said.items())


def test_masks_come_packed_or_as_numbers_for_all_tensors_or_some(tmp_path: Path) -> None:
    wanted = {name: np.random.default_rng(0).random(WANTED[name]) < 0.5 for name in PRUNABLE[:1]}
    write_masks(packed := tmp_path / "mask.safetensors", wanted)
    plain = file(tmp_path, {f"module.{name}": mask.astype(np.float32) for name, mask in wanted.items()})
    for path in (packed, plain):
        found = brought_masks(weights(), PRUNABLE, None, path)
        assert np.array_equal(found[PRUNABLE[0]], wanted[PRUNABLE[0]])
        assert all(found[name].all() for name in PRUNABLE[1:])


@pytest.mark.parametrize(("name", "shape"), [("conv9.weight", (1, 2)), (PRUNABLE[0], (1, 2))])
def test_a_mask_that_lies_over_nothing_is_refused(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidFile, match="The mask"):
        brought_masks(weights(), PRUNABLE, None, file(tmp_path, {name: np.ones(shape, np.float32)}))
