from pathlib import Path

import pytest
import typer

from winnow.cli.spec_files import assigned, overlaid, read_spec


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
