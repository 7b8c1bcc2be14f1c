"""What the service knows of a network's tensors without torch is what the network has."""

import subprocess
import sys
import tomllib

import pytest

from tests.support.sources import ROOT
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.pretrained import CLASSES
from winnow.contract.catalog.tensors import TABLES, table_of, tensors
from winnow.contract.problems import InvalidSpec
from winnow.lottery.architectures import outline, prunable
from winnow.lottery.tensor_tables import table

ALL = pytest.mark.parametrize("architecture", ARCHITECTURES)


@ALL
@pytest.mark.parametrize(
    ("classes", "channels", "more"), [(2, 1, (0, 0)), (10, 3, (5, 1)), (1000, 3, (16, 96)), (64, 4, (3, 6))], ids=str
)
def test_every_tensor_has_its_name_shape_and_place(
    architecture: str, classes: int, channels: int, more: tuple[int, int]
) -> None:
    smallest = ARCHITECTURES[architecture].smallest
    size = (smallest + more[0], smallest + more[1])
    state = outline(architecture, classes, channels, size).state_dict()
    expected = [(name, tuple(tensor.shape)) for name, tensor in state.items()]
    assert list(tensors(architecture, classes, channels, size).items()) == expected


@ALL
def test_the_prunable_ones_are_in_their_order_under_their_kinds(architecture: str) -> None:
    assert ARCHITECTURES[architecture].layers == tuple(prunable(outline(architecture, 10, 3, (64, 64))).items())


@ALL
def test_a_table_is_what_the_command_writes(architecture: str) -> None:
    assert table_of(architecture).read_text() == table(architecture), "`make tables` writes it anew"


def test_there_is_no_table_without_an_architecture() -> None:
    assert set(TABLES.rglob("*.json")) == {table_of(name) for name in ARCHITECTURES}


def test_the_wheel_holds_them() -> None:
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    found = {path for pattern in packed["winnow.contract.catalog"] for path in TABLES.parent.glob(pattern)}
    assert found == {*TABLES.rglob("*.json"), CLASSES}


def test_an_architecture_without_a_table_is_told_how_to_get_one() -> None:
    with pytest.raises(InvalidSpec, match="make tables"):
        tensors("perceptron", 10, 1, (8, 8))


def test_reading_takes_no_torch_and_no_table_before_it_is_asked_for() -> None:
    program = (
        "import json, sys\n"
        "def fail(_): raise AssertionError('a table was read')\n"
        "loads, json.loads = json.loads, fail\n"
        "from winnow.contract.catalog.architectures import ARCHITECTURES\n"
        "json.loads = loads\n"
        "print(len(ARCHITECTURES['lenet5'].layers), 'torch' in sys.modules)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ended.stdout.split() == ["4", "False"]
