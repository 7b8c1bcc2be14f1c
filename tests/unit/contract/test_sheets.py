"""How points of a sweep are called in tables for people."""

from typing import Any

import pytest

from winnow.contract.sheets import labels


def transfer(model: str, trainable: Any) -> dict[str, Any]:
    source = {"job": {"kind": "train", "dataset": "cifar100", "model": model}}
    return {"job": {"kind": "transfer", "model": source, "trainable": trainable}}


@pytest.mark.parametrize(
    ("column", "called"),
    [
        ([0.05, 1.0], ["0.05", "1.0"]),
        (["all", ["layer3", "layer4"]], ["all", "layer3 layer4"]),
        (
            ["simple_cnn", transfer("resnet18", "head"), transfer("resnet18", ["layer3"]), transfer("conv2", "head")],
            [
                "simple_cnn",
                "model resnet18, trainable head",
                "model resnet18, trainable layer3",
                "model conv2, trainable head",
            ],
        ),
        (
            [{"schedule": "one_shot", "rewind": {"epoch": k}} for k in (0, 2)] + [{"schedule": "one_shot"}] * 2,
            ["rewind epoch 0", "rewind epoch 2", *['{"schedule":"one_shot"}'] * 2],
        ),
        ([{"rate": 0.5}, "rate 0.5"], ['{"rate":0.5}', '"rate 0.5"']),
        ([{"kind": "train", "a": {"kind": one}} for one in ("train", "prune")], ["a kind train", "a kind prune"]),
        ([{"name": "lenet5"}, {"name": "conv2"}], ["lenet5", "conv2"]),
        ([{"rate": 0.5}] * 2, ["rate 0.5"] * 2),
    ],
    ids=[
        "numbers",
        "lists",
        "jobs",
        "one is the common part of all",
        "alike by their words",
        "one name twice",
        "choices",
        "all the same",
    ],
)
def test_a_value_with_parts_is_called_by_those_in_which_it_differs(column: list[Any], called: list[str]) -> None:
    assert labels([{"field": value, "seed": 0} for value in column]) == [(name, "0") for name in called]


def test_what_is_no_sweep_has_no_labels() -> None:
    assert labels([None, None]) == [(), ()]
    assert labels([]) == []
