import re
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import typer

from winnow.cli.spec_files import assigned, overlaid, read_spec
from winnow.contract.specs.jobs import SPEC

WHOLE = {"kind": "prune", "dataset": "digits", "model": "digits_cnn"}


def test_options_are_laid_over_a_file_and_leave_the_rest() -> None:
    spec = {"kind": "prune", "train": {"batch_size": 32, "steps": 100}, "method": {"scope": "layer"}, "seed": 3}
    settings = {
        ("train", "epochs"): 5,
        ("method", "schedule"): {"name": "iterative", "rate": 0.3},
        ("target", "sparsity"): 0.98,
        ("seed",): 0,
    }

    assert overlaid(spec, settings) == {
        "kind": "prune",
        "train": {"batch_size": 32, "epochs": 5},
        "method": {"scope": "layer", "schedule": {"name": "iterative", "rate": 0.3}},
        "target": {"sparsity": 0.98},
        "seed": 0,
    }
    assert spec["train"] == {"batch_size": 32, "steps": 100}


def test_a_target_by_option_takes_the_place_of_the_files() -> None:
    settings = {("target", "max_bytes"): 20_000}
    assert overlaid({"target": {"sparsity": 0.9}}, settings) == {"target": {"max_bytes": 20_000}}


def test_a_preset_by_option_takes_the_place_of_what_it_stands_for() -> None:
    method = {"criterion": "snip", "schedule": "one_shot", "rewind": {"epoch": 1}}
    settings = {("method", "preset"): "full", ("method", "schedule"): {"name": "iterative", "rate": 0.3}}
    laid = overlaid({"method": method}, settings)["method"]
    assert laid == {"criterion": "snip", "preset": "full", "schedule": {"name": "iterative", "rate": 0.3}}


def test_a_preset_in_a_file_stays_under_options() -> None:
    laid = overlaid({"method": "fast"}, {("method", "schedule"): {"name": "iterative", "rate": 0.3}})
    assert laid == {"method": {"preset": "fast", "schedule": {"name": "iterative", "rate": 0.3}}}


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "is not JSON"), ('{"lr": NaN}', "NaN is no JSON number"), ("[1]", "no JSON object"), (b"\xff", "not JSON")],
)
def test_what_is_no_spec_is_said_before_anything_is_sent(text: str | bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_bytes(text.encode() if isinstance(text, str) else text)

    with pytest.raises(typer.BadParameter, match=said):
        read_spec(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=r"job\.json: No such file"):
        read_spec(tmp_path / "job.json")


def test_any_field_can_be_set_by_its_path() -> None:
    """Where a name stands for a choice, what is set of the choice keeps the name."""
    spec = {"kind": "transfer", "model": "torchvision/resnet18", "train": {"optimizer": "sgd"}}
    said = ["model.weights=pretrained", "train.optimizer.lr=0.1", 'trainable=["layer3"]', "seed=7", "dataset.size=null"]
    assert overlaid(spec, assigned(said)) == {
        "kind": "transfer",
        "model": {"name": "torchvision/resnet18", "weights": "pretrained"},
        "train": {"optimizer": {"name": "sgd", "lr": 0.1}},
        "trainable": ["layer3"],
        "seed": 7,
        "dataset": {"size": None},
    }


@pytest.mark.parametrize("field", ["seed", "=7", "train..lr=1", ".=1", ""])
def test_what_sets_no_field_is_refused(field: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no FIELD=VALUE"):
        assigned([field])


def test_what_is_no_number_in_json_is_text() -> None:
    assert assigned(["train.optimizer.lr=NaN", "name=a=b"]) == {("train", "optimizer", "lr"): "NaN", ("name",): "a=b"}


def readme() -> list[str]:
    text = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"`--set (\w\S*\.\S+=\S+)`", text)
    assert found
    return found


@pytest.mark.parametrize("said", readme())
def test_a_field_that_the_readme_sets_is_one_of_a_valid_job(said: str) -> None:
    given = {("dataset",): "digits", ("model",): "digits_cnn", ("target", "sparsity"): 0.9} | assigned([said])
    spec = SPEC.validate_python(overlaid({"kind": "prune"}, given)).model_dump(mode="json")
    ((path, value),) = assigned([said]).items()
    assert reduce(getitem, path, spec) == value


@pytest.mark.parametrize(
    ("spec", "said", "laid"),
    [
        (WHOLE, "train.optimizer.lr=0.1", {"train": {"optimizer": {"name": "adam", "lr": 0.1}}}),
        ({"kind": "prune"}, "train.optimizer.lr=0.1", {"train": {"optimizer": {"name": "adam", "lr": 0.1}}}),
        (WHOLE | {"seed": "x"}, "train.optimizer.lr=0.1", {"train": {"optimizer": {"name": "adam", "lr": 0.1}}}),
        (
            WHOLE | {"method": "fast"},
            "method.schedule.end.epoch=1",
            {"method": {"preset": "fast", "schedule": {"name": "one_shot", "end": {"epoch": 1}}}},
        ),
        ({"kind": "prune"}, "model.dropout=0.5", {"model": {"dropout": 0.5}}),
        ({}, "train.optimizer.lr=1", {"train": {"optimizer": {"lr": 1}}}),
    ],
)
def test_a_path_into_a_choice_that_was_left_out_leads_into_the_default_one(
    spec: dict[str, Any], said: str, laid: dict[str, Any]
) -> None:
    assert overlaid(spec, assigned([said])) == spec | laid


def test_settings_of_one_choice_may_come_in_any_order() -> None:
    said = ["train.optimizer.lr=0.1", "train.optimizer.name=sgd", "train.optimizer.momentum=0.5"]
    wanted = {"optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.5}}
    assert overlaid(WHOLE, assigned(said))["train"] == wanted
    assert overlaid(WHOLE, assigned(said[::-1]))["train"] == wanted


def test_a_path_through_a_number_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match=r"seed\.more leads nowhere: there is no field more in 3"):
        overlaid(WHOLE | {"seed": 3}, assigned(["seed.more=1"]))
