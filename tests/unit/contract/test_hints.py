"""From what is wrong with a spec to what a person can do: where, what, and a way out."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from winnow.contract.hints import did_you_mean, no_dataset, of_body, summary
from winnow.contract.problems import FieldError
from winnow.contract.specs.jobs import SPEC

SCHEMA = SPEC.json_schema()
PRUNE = {"kind": "prune", "dataset": "digits", "model": "lenet5"}


def errors(sent: Any) -> dict[tuple[str | int, ...], FieldError]:
    with pytest.raises(ValidationError) as caught:
        SPEC.validate_python(sent)
    return {error.loc[1:]: error for error in of_body(caught.value.errors(), sent, SCHEMA)}


@pytest.mark.parametrize(
    ("fields", "loc", "msg", "hint"),
    [
        ({"target": {"sparsity": 1.0}}, ("target", "sparsity"), "less than 1", "below 1"),
        ({"target": {"sparsity": -1}}, ("target", "sparsity"), "greater than 0", "below 1"),
        ({"target": {}}, ("target",), "give sparsity, max_accuracy_drop or max_bytes", None),
        ({"target": 0.9}, ("target",), "should be an object", '{"sparsity": 0.9}'),
        ({"model": 7}, ("model",), "Input should be a name or an object", "architecture"),
        ({"method": 7}, ("method",), "Input should be a name or an object", "ticket is found"),
        ({"method": "fest"}, ("method",), "'fast', 'balanced' or 'full'", "mean 'fast'"),
        ({"method": {"preset": "ful"}}, ("method", "preset"), "'fast', 'balanced' or 'full'", "mean 'full'"),
        ({"method": {"rewind": "atuo"}}, ("method", "rewind"), "Input should be 'auto'", "mean 'auto'"),
        ({"method": {"rewind": {"epoch": -1}}}, ("method", "rewind", "epoch"), "or equal to 0", None),
        ({"target": {"max_bytes": 0}}, ("target", "max_bytes"), "greater than or equal to 1", "packed ticket"),
        ({"target": {"max_accuracy_drop": -1}}, ("target", "max_accuracy_drop"), "or equal to 0", "Accuracy points"),
        ({"target": {"sparsty": 0.5, "sparsity": 0.5}}, ("target", "sparsty"), "no such field", "mean 'sparsity'"),
        ({"modle": 1}, ("modle",), "no such field", "mean 'model'"),
        ({"train": {"epoch": 3}}, ("train", "epoch"), "no such field", "mean 'epochs'"),
        ({"train": {"optimizer": {"name": "adam", "lr": math.nan}}}, ("train", "optimizer", "lr"), "finite", "rate"),
        (
            {"train": {"optimizer": {"name": "sgd", "momentun": 1}}},
            ("train", "optimizer", "momentun"),
            "no such",
            "tum",
        ),
        (
            {"train": {"optimizer": {"name": "adam", "momentum": 1}}},
            ("train", "optimizer", "momentum"),
            "no such",
            "lr",
        ),
        (
            {"train": {"optimizer": {"name": "sgd", "momentum": 0, "nesterov": True}}},
            ("train", "optimizer"),
            "nesterov wants momentum above 0",
            None,
        ),
        ({"train": {"optimizer": "sdg"}}, ("train", "optimizer"), "none of 'sgd', 'adam', 'adamw'", "mean 'sgd'"),
        ({"train": {"optimizer": {"lr": 1}}}, ("train", "optimizer"), "'name' is missing", "adam, adamw, sgd"),
        ({"train": {"lr_schedule": "cosntant"}}, ("train", "lr_schedule"), "none of", "mean 'constant'"),
        ({"train": {"early_stopping": {"patience": 3}}}, (), "arms are compared at equal budgets", None),
        ({"train": {"early_stopping": {}}}, ("train", "early_stopping", "patience"), "missing", "in a row"),
        ({"train": {"label_smoothing": 1}}, ("train", "label_smoothing"), "less than 1", "training loss alone"),
        ({"train": {"clip": 0}}, ("train", "clip"), "greater than 0", "L2 norm"),
        ({"model": {"name": "conv2", "dropout": 1}}, ("model", "dropout"), "less than 1", "dropped in training"),
        ({"train": {"warmup": {"steps": 1, "epochs": 1}}}, ("train", "warmup"), "give epochs or steps", None),
        ({"train": {"epochs": 1, "steps": 1}}, ("train",), "give epochs or steps", None),
        ({"train": 3}, ("train",), "an object", "trained"),
        ({"arms": ["ticket", "randm_mask"]}, ("arms", 1), "Input should be", "mean 'random_mask'"),
        ({"method": {"schedule": {"name": "iterative", "rate": 5}}}, ("method", "schedule", "rate"), "less", "Share"),
        ({"replicates": 1.5}, ("replicates",), "integer", "experiments"),
        ({"replicates": "many"}, ("replicates",), "integer", "experiments"),
        ({"dataset": None}, ("dataset",), "an object", "name or id"),
        ({"dataset": {"name": "digits", "channels": 2}}, ("dataset", "channels"), "should be 1 or 3", "colour to grey"),
        ({"arms": "ticket"}, ("arms",), "Input should be a list", "always run"),
        ({"dataset": {"name": "digits", "classes": ["1"]}}, ("dataset", "classes"), "at least 2, not 1", "Only these"),
        ({"dataset": {"name": "digits", "fraction": 0.1 * 3}}, ("dataset", "fraction"), "15 digits: round", "Share"),
    ],
)
def test_an_error_says_where_what_and_a_way_out(
    fields: dict[str, Any], loc: tuple[str | int, ...], msg: str, hint: str | None
) -> None:
    found = errors(PRUNE | fields)
    assert list(found) == [loc]
    assert msg in found[loc].msg
    if hint is None:
        assert found[loc].hint is None
    else:
        assert hint in str(found[loc].hint)


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"seed": -1}, ("seed",)),
        ({"dataset": {"name": "digits", "size": [0, 8]}}, ("dataset", "size", 0)),
        ({"dataset": {"name": "digits", "classes": [1, "2"]}}, ("dataset", "classes", 0)),
        ({"target": {"sparsity": 0.5}}, ("target",)),
        ({"train": {"lr": 0.1}}, ("train", "lr")),
        ({"train": {"optimizer": {"name": "adam", "lr": -1}}}, ("train", "optimizer", "lr")),
        ({"processes": 1}, ("processes",)),
    ],
    ids=repr,
)
def test_the_kind_train_is_not_taken_for_the_field_of_that_name(
    fields: dict[str, Any], loc: tuple[str | int, ...]
) -> None:
    sent = {"kind": "train", "dataset": "digits", "model": "lenet5", "train": {"steps": 3}}
    assert loc in errors(sent | fields)
    assert ("train",) not in errors(sent | fields)


@pytest.mark.parametrize(
    ("fields", "at"),
    [({"dataset": {"name": "digits", "classes": [0, 1, 2]}}, ("dataset", "classes")), ({"arms": ["tickt"]}, ("arms",))],
)
def test_a_list_whose_items_are_wrong_is_not_told_to_be_short_as_well(
    fields: dict[str, Any], at: tuple[str | int, ...]
) -> None:
    found = errors(PRUNE | fields)
    assert {loc[: len(at)] for loc in found} == {at}
    assert at not in found


@pytest.mark.parametrize(
    ("sent", "field", "hint"),
    [
        ({"kind": "train", "target": {"sparsity": 0.9}}, "target", "Leave it out; prune jobs have it."),
        ({"kind": "evaluate", "seed": 1}, "seed", "Leave it out; prune, train, transfer jobs have it."),
    ],
)
def test_a_field_of_other_kinds_of_job_is_no_misspelt_one(sent: dict[str, Any], field: str, hint: str) -> None:
    found = errors({"dataset": "digits", "model": "lenet5"} | sent)
    assert (found[field,].msg, found[field,].hint) == (f"{sent['kind']} jobs have no such field", hint)


@pytest.mark.parametrize("sent", [[], "prune", 3, None])
def test_what_is_no_object_is_told_so(sent: Any) -> None:
    assert "object" in errors(sent)[()].msg


def test_a_spec_without_a_kind_hears_of_the_kinds() -> None:
    assert errors({"dataset": "digits"})[()].hint == "Give one of: evaluate, prune, train, transfer."
    assert "Did you mean 'prune'?" in str(errors(PRUNE | {"kind": "prun"})[()].hint)


def test_all_errors_are_listed_and_the_first_is_told() -> None:
    found = tuple(errors({"kind": "train", "replicates": 2}).values())
    assert [error.loc for error in found] == [("body", "dataset"), ("body", "model"), ("body", "replicates")]
    assert (
        summary(found)
        == "dataset: this field is missing. A data set by name or id, or a part of it. (2 more in `errors`.)"
    )


def test_where_no_data_set_has_a_name_the_closest_one_is_told() -> None:
    said = "There is no data set 'digit'. Did you mean 'digits'? Known are: digits, mnist."
    assert no_dataset("digit", ["mnist", "digits"]) == said


def test_a_guess_is_made_only_where_it_is_near() -> None:
    assert did_you_mean("stat", ["state", "kind"]) == "Did you mean 'state'? Known are: kind, state."
    assert did_you_mean("xyz", ["state", "kind"]) == "Known are: kind, state."
    assert did_you_mean("xyz", []) == "Leave it out."
    assert did_you_mean("x", map(str, range(1000))).endswith("and 970 more.")
