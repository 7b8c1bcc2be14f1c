"""What is sent of a network that somebody brings."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.brought import SPEC, weights
from tests.support.fake_service import FakeService, problem
from winnow.artifact.header import Header, Provenance
from winnow.artifact.preprocessing import Preprocessing
from winnow.artifact.weights import write_weights
from winnow.cli.main import run
from winnow.cli.own_weights import explained

SAID = SPEC["input"]
BY = Provenance(unit="u", fingerprint=None, torch="2", numerics="n", replicate=0, level=0)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Weights as Winnow writes them."""
    images = Preprocessing(**SAID)
    header = Header(architecture="digits_cnn", classes=tuple(SPEC["classes"]), preprocessing=images, provenance=BY)
    write_weights(tmp_path / "weights.safetensors", weights(), header.metadata())
    return tmp_path / "weights.safetensors"


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ({}, SPEC),
        ({"architecture": "lenet5"}, SPEC | {"architecture": "lenet5"}),
        ({"input": 5}, SPEC | {"input": 5}),
        ({"input": {"mean": [0.5]}, "zeros": "masked"}, SPEC | {"zeros": "masked", "input": SAID | {"mean": [0.5]}}),
    ],
)
def test_winnows_own_weights_say_what_nobody_else_says(said: dict[str, Any], then: dict[str, Any], own: Path) -> None:
    assert explained(own, said) == then


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"architecture": "3"}])
def test_other_weights_say_nothing(metadata: dict[str, str], tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.safetensors", weights(), metadata)
    assert explained(tmp_path / "weights.safetensors", {}) == {}
    (tmp_path / "weights.safetensors").write_bytes(b"broken")
    assert explained(tmp_path / "weights.safetensors", {"zeros": "masked"}) == {"zeros": "masked"}


def test_winnows_own_weights_are_pushed_without_a_word(service: FakeService, own: Path) -> None:
    service.on("POST", "/v1/models", problem(422, "seen"))
    assert run(["models", "push", str(own), "--mean", "0.25"]) == 1
    (sent,) = service.requests
    spec = SPEC | {"input": SAID | {"mean": [0.25]}}
    assert json.dumps(spec["input"]).encode() in sent.content
    assert b'"architecture": "digits_cnn"' in sent.content
