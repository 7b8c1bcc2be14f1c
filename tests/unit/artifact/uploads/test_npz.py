"""An `.npz`: what its headers claim is held against what is there, and nothing is ever unpickled."""

import contextlib
import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.uploads import pixels, zipped
from winnow.artifact.uploads import inspect_npz, read_upload
from winnow.artifact.uploads.facts import checked
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.problems import Conflict, InvalidFile

X = pixels(30, 5, 7, 3)
Y = np.arange(30) % 3


def _saved(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def _npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


class _Bomb:
    """An object whose unpickling is noticed."""

    went_off = False

    def __reduce__(self) -> tuple[Any, ...]:
        return setattr, (_Bomb, "went_off", True)


def test_classes_are_called_by_their_numbers(tmp_path: Path) -> None:
    facts = inspect_npz(_saved(tmp_path / "a.npz", x=X, y=Y * 5))
    assert facts.classes == ("0", "5", "10")
    assert (facts.counts, facts.test_counts) == ((10, 10, 10), None)
    assert (facts.channels, facts.size) == (3, (5, 7))
    raw = read_upload(tmp_path / "a.npz", facts.facts("mine", "0" * 64))
    np.testing.assert_array_equal(raw.x, X)
    assert raw.y.tolist() == Y.tolist()
    assert raw.x_test is None


def test_names_and_a_test_set(tmp_path: Path) -> None:
    classes = np.array(["zebra", "ant", "bee"])
    path = _saved(tmp_path / "a.npz", x=X, y=Y, x_test=X[:4], y_test=Y[:4], classes=classes)
    facts = inspect_npz(path)
    assert facts.classes == ("zebra", "ant", "bee")
    assert facts.test_counts == (2, 1, 1)
    raw = read_upload(path, facts.facts("mine", "0" * 64))
    assert raw.x_test is not None
    np.testing.assert_array_equal(raw.x_test, X[:4])


def test_class_names_are_bounded_in_sum(tmp_path: Path) -> None:
    facts = inspect_npz(_saved(tmp_path / "a.npz", x=X, y=Y))
    names = [f"{number:04} {'x' * 1000}" for number in range(1100)]
    with pytest.raises(InvalidFile, match="the names of the classes have 1,108,801 bytes"):
        checked(facts.model_copy(update={"classes": tuple(names), "counts": (2,) * len(names)}))


def test_the_content_of_a_known_data_set_has_its_superclasses(tmp_path: Path) -> None:
    """Its units are the known one's: what they count must not go by who asked first."""
    facts, known = inspect_npz(_saved(tmp_path / "a.npz", x=X, y=Y)), DATASETS["cifar100"]
    assert facts.facts("mine").superclasses is None
    assert facts.model_copy(update={"fingerprint": known.fingerprint}).facts("mine").superclasses == known.superclasses


@pytest.mark.parametrize("shape", [(30, 35), (30, 35, 1)])
def test_grey_images_with_and_without_a_channel_axis_are_one_data_set(tmp_path: Path, shape: tuple[int, ...]) -> None:
    grey = pixels(30, 30, 35)
    facts = inspect_npz(_saved(tmp_path / "a.npz", x=grey.reshape(30, *shape), y=Y))
    assert facts.channels == 1
    assert facts == inspect_npz(_saved(tmp_path / "b.npz", x=grey, y=Y))
    assert read_upload(tmp_path / "a.npz", facts.facts("mine", "0" * 64)).x.shape == (30, 30, 35, 1)


@pytest.mark.parametrize("kind", ["<i8", ">i2", "u1", "<u8"])
def test_any_integers_will_do_for_labels(tmp_path: Path, kind: str) -> None:
    path = _saved(tmp_path / "a.npz", x=X, y=Y.astype(kind))
    assert inspect_npz(path) == inspect_npz(_saved(tmp_path / "b.npz", x=X, y=Y))


def test_another_file_than_the_facts_describe_is_a_conflict(tmp_path: Path) -> None:
    facts = inspect_npz(_saved(tmp_path / "a.npz", x=X, y=Y)).facts("mine", "0" * 64)
    with pytest.raises(Conflict, match="has changed"):
        read_upload(_saved(tmp_path / "b.npz", x=X ^ 1, y=Y), facts)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({}, "no array 'x'"),
        ({"x": X}, "no array 'y'"),
        ({"x": X, "y": Y, "weights": Y}, "array 'weights'"),
        ({"x": X, "y": Y, "x_test": X}, "one of x_test and y_test"),
        ({"x": X, "y": Y, "x_test": X[:, 1:], "y_test": Y}, "one size"),
        ({"x": X / 255, "y": Y}, "x is float64"),
        ({"x": X[..., :2], "y": Y}, "shape"),
        ({"x": X[:, :0], "y": Y}, "shape"),
        ({"x": X[:0], "y": Y[:0]}, "shape"),
        ({"x": X[0], "y": Y[:5], "x_test": X[0], "y_test": Y}, "x_test is|y_test is"),
        ({"x": X, "y": Y[1:]}, "30 integers"),
        ({"x": X, "y": Y / 2}, "30 integers"),
        ({"x": X, "y": Y * 0}, "only one class"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, "3 stands for no class"),
        ({"x": X, "y": Y - 1, "classes": np.array(["a", "b", "c"])}, "-1 stands for no class"),
        ({"x": X, "y": Y, "classes": np.array(["a", "b"])}, "2 stands for no class"),
        ({"x": X, "y": Y, "classes": np.array(["a", "b", "c", "d"])}, "'d' has 0 image"),
        ({"x": X, "y": Y, "classes": np.array(["a", "b", "b"])}, "a name twice"),
        ({"x": X, "y": Y, "classes": np.array(["a", "b", ""])}, "a name twice, or one"),
        ({"x": X, "y": Y, "classes": np.arange(3)}, "a list of at most 10,000 names"),
        ({"x": X, "y": Y, "classes": np.array(["a", "b", "c" * 2000])}, "short names"),
        ({"x": pixels(20_000, 1, 1), "y": np.arange(20_000)}, "more than 10,000 different values"),
        ({"x": np.asfortranarray(X), "y": Y}, "Fortran order"),
        ({"x": X, "y": np.array([_Bomb()] * 30)}, "Python|numbers"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        inspect_npz(_saved(tmp_path / "a.npz", **arrays))
    assert not _Bomb.went_off


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (10000000000, 5, 7, 3), }", "not as long as"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-30, 5, 7, 3), }", "not as long as"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-30, -5, 7, 3), }", "not as long as"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (29, 5, 7, 3), }", "not as long as"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (30,), }", "numbers"),
        ("{'descr': '<U0', 'fortran_order': False, 'shape': (30,), }", "numbers"),
        ("__import__('os').abort()", "no NumPy array"),
        ("{", "no NumPy array"),
        ("(" * 3000, "no NumPy array"),
        (" " * 20_000, "no NumPy array"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path: Path, header: str, says: str) -> None:
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + X.tobytes()
    with pytest.raises(InvalidFile, match=says):
        inspect_npz(zipped(tmp_path / "a.npz", {"x.npy": data, "y.npy": _npy(Y)}))


def test_memory_does_not_grow_with_the_arrays(tmp_path: Path) -> None:
    count = 400_000
    path = tmp_path / "a.npz"
    np.savez(
        path,
        x=np.tile(np.arange(250, dtype=np.uint8).repeat(64).reshape(-1, 8, 8), (1600, 1, 1)),
        y=np.arange(count) % 4,
    )
    tracemalloc.start()
    facts = inspect_npz(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(facts.counts) == count
    assert peak < 12 * 2**20 < path.stat().st_size / 2


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "a.npz"
    np.savez(path, x=pixels(12, 2, 2), y=Y[:12], classes=np.array(["a", "b", "c"]))
    return path.read_bytes()


@settings(max_examples=100)
@given(changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=5))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(sound)
    for place, value in changes:
        data[place % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(data)
    with contextlib.suppress(InvalidFile):
        inspect_npz(path)
