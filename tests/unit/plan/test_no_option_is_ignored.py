"""Trap 28: settings that are accepted and ignored, so that what was called pruned was dense."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.fabricated import DIGITS_LIKE
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.choices import DatasetChoice, ModelChoice
from winnow.contract.specs.jobs import SPEC
from winnow.contract.specs.pruning import Method
from winnow.contract.specs.training import Train
from winnow.plan import Known, Resolved, places, resolve_sent

KINDS: dict[str, dict[str, Any]] = {
    "train": {"kind": "train", "dataset": "digits", "model": "lenet_300_100"},
    "prune": {"kind": "prune", "dataset": "digits", "model": "lenet_300_100"},
}
EVALUATE = {"kind": "evaluate", "dataset": "digits", "model": "mdl_0"}
OTHERWISE: dict[str, dict[str, Any]] = {
    "dataset": {
        "fingerprint": "x",
        "classes": ["1", "7"],
        "fraction": 0.5,
        "size": [9, 9],
        "channels": 3,
    },
    "model": {
        "dropout": 0.5,
        "weights": "pretrained",
        "job": {"kind": "train", "dataset": "digits", "model": "lenet_300_100"},
    },
    "train": {
        "epochs": 3,
        "steps": 7,
        "batch_size": 61,
        "optimizer": "sgd",
        "lr_schedule": "cosine",
        "warmup": {"steps": 2},
        "init": "torch",
        "augment": {"crop": 1},
        "label_smoothing": 0.1,
        "clip": 1,
        "precision": "bf16",
        "early_stopping": {"patience": 2},
    },
    "method": {
        "preset": "fast",
        "criterion": "random",
        "scope": "layer",
        "granularity": "channels",
        "schedule": "one_shot",
        "retraining": "fine_tune",
        "rewind": {"step": 1},
    },
}
"""Every option of a part of a spec but its name, and a value that is not its default."""


def resolved(sent: dict[str, Any]) -> Resolved:
    known = Known(dataset=lambda _name: DIGITS_LIKE, model=lambda _id: (), auto="cpu")
    return resolve_sent(sent, SPEC.validate_python, known)


def units(sent: dict[str, Any]) -> set[str]:
    """The keys of a job's units: of a prune job all but the dense one's."""
    return {p.unit.key for p in places(resolved(sent), {}) if p.arm != "dense" or sent["kind"] == "train"}


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON document, itself included."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from parts(item)


@pytest.mark.parametrize("sent", [*KINDS.values(), EVALUATE], ids=lambda sent: sent["kind"])
def test_an_unknown_option_is_an_error_wherever_it_stands(sent: dict[str, Any]) -> None:
    """Trap 28: a misspelt option that is silently dropped."""
    written_out = SPEC.validate_python(sent).model_dump_json(exclude_none=True)
    assert SPEC.validate_json(written_out) == SPEC.validate_python(sent)
    for number in range(len(list(parts(json.loads(written_out))))):
        changed = json.loads(written_out)
        list(parts(changed))[number]["sparsitty"] = 0.5
        with pytest.raises(ValidationError, match="sparsitty"):
            SPEC.validate_python(changed)


@pytest.mark.parametrize(
    ("part", "model"), [("dataset", DatasetChoice), ("model", ModelChoice), ("train", Train), ("method", Method)]
)
def test_every_option_is_tried(part: str, model: type[Any]) -> None:
    """Trap 28: who adds an option says here what it may be, and the test below whether it does something."""
    assert OTHERWISE[part].keys() == model.model_fields.keys() - {"name"}


@pytest.mark.parametrize("changed", [{"seed": 1}, {"threads": 2}, {"processes": 2}], ids=str)
def test_every_option_of_the_whole_makes_other_units(changed: dict[str, int]) -> None:
    """Trap 28: the same, of what stands beside these parts."""
    for plain in KINDS.values():
        assert not units(plain | changed) & units(plain)


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, options in OTHERWISE.items() for name in options])
def test_every_option_makes_other_units_or_is_refused(part: str, name: str) -> None:
    """Trap 28: an option that changes nothing. What a job has no use for is an error; dense is pruned by no method."""
    for kind, plain in KINDS.items():
        named = {"name": plain[part]} if isinstance(plain.get(part), str) else {}
        sent = plain | {part: named | {name: OTHERWISE[part][name]}}
        try:
            found = units(sent)
        except (ValidationError, InvalidSpec):
            continue
        assert not found & units(plain), f"{kind}: {part}.{name}"
