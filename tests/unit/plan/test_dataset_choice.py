"""What a job takes of a data set: keys differ where outcomes can, and meet where they cannot."""

from contextlib import nullcontext
from typing import Any

import pytest

from tests.support.fabricated import DIGITS_LIKE
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.plan import Resolved, places, resolve

SPEC_OF_ALL = {"kind": "train", "dataset": "digits", "model": "digits_cnn"}
ALL = list(DIGITS_LIKE.classes)


def job(**choice: Any) -> Resolved:
    """A job on some of the digits."""
    sent = SPEC_OF_ALL | {"dataset": {"name": "digits"} | choice}
    return resolve(SPEC.validate_python(sent), DIGITS_LIKE, "cpu")


def key(**choice: Any) -> str:
    return places(job(**choice), {})[0].unit.key


@pytest.mark.parametrize(
    "choice",
    [{"classes": ALL}, {"classes": None}, {"fraction": 1}, {"fraction": 1.0}, {"size": [8, 8]}, {"channels": 1}],
)
def test_what_says_the_same_as_the_name_alone_has_the_same_key(choice: dict[str, Any]) -> None:
    plain = resolve(SPEC.validate_python(SPEC_OF_ALL), DIGITS_LIKE, "cpu")
    assert key(**choice) == places(plain, {})[0].unit.key
    assert job(**choice) == plain


def test_whatever_can_change_the_outcome_changes_the_key() -> None:
    choices: list[dict[str, Any]] = [
        {},
        {"classes": ["1", "7"]},
        {"classes": ["7", "1"]},
        {"classes": ["1", "7", "2"]},
        {"classes": ALL[::-1]},
        {"fraction": 0.5},
        {"fraction": 0.25},
        {"fraction": 0.25, "classes": ["1", "7"]},
        {"size": [16, 8]},
        {"size": [8, 16]},
        {"channels": 3},
        {"size": [8, 16], "channels": 3},
    ]
    assert key(fraction=0.25) == key(fraction="0.250")
    assert len({key(**choice) for choice in choices}) == len(choices)


@pytest.mark.parametrize(
    "choice", [{}, {"classes": ["7", "1"]}, {"fraction": 0.3, "classes": ["7", "1"], "size": [9, 9], "channels": 3}]
)
def test_a_resolved_spec_means_the_same_when_it_is_sent_again(choice: dict[str, Any]) -> None:
    first = job(**choice)
    again = SPEC.validate_json(SPEC.dump_json(first.spec))
    assert resolve(again, DIGITS_LIKE, "cpu") == first


def test_the_network_has_an_output_for_each_class_that_is_taken() -> None:
    found = job(classes=["7", "1", "3"])
    recipe = places(found, {})[0].unit.inputs.recipe
    assert (recipe.classes, recipe.subset, found.dataset.classes) == (3, (7, 1, 3), ("7", "1", "3"))
    assert sum(found.dataset.sizes()) == sum(found.dataset.counts) == 3 * 180


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        ({"classes": ["7", "seven"]}, "no class of 'digits' 'seven'"),
        ({"classes": ["7"]}, "at least 2"),
        ({"classes": ["7", "7"]}, "name each class once"),
        ({"classes": []}, "at least 2"),
        ({"fraction": 0.04}, "greater than or equal to 0.05"),
        ({"fraction": 1.01}, "less than or equal to 1"),
        ({"size": [32]}, "size"),
        ({"size": [0, 32]}, "greater than or equal to 1"),
        ({"size": [1024, 1025]}, "less than or equal to 1024"),
        ({"size": [1024, 1024], "channels": 3}, "smaller size"),
        ({"channels": 2}, "1 or 3"),
    ],
)
def test_what_a_data_set_has_not_is_refused(choice: dict[str, Any], why: str) -> None:
    with pytest.raises((InvalidSpec, ValueError), match=why):
        job(**choice)


def test_an_epoch_is_a_pass_over_the_fraction() -> None:
    part, whole = job(fraction=0.1), job()
    assert (whole.dataset.sizes(), part.dataset.sizes()) == ((1296, 144, 360), (130, 144, 360))
    assert (whole.steps_per_epoch, part.steps_per_epoch) == (22, 3)
    assert whole.dataset.class_counts()[1:] == part.dataset.class_counts()[1:]


def test_a_class_that_a_fraction_would_leave_empty_is_refused_unless_it_is_left_out() -> None:
    rare = DIGITS_LIKE.model_copy(update={"counts": (9, *DIGITS_LIKE.counts[1:])})
    for choice, refused in (({"fraction": 0.05}, True), ({"fraction": 0.05, "classes": ["1", "2"]}, False)):
        sent = SPEC.validate_python(SPEC_OF_ALL | {"train": {"batch_size": 2}, "dataset": {"name": "digits"} | choice})
        with pytest.raises(InvalidSpec, match=r"class '0'.*leaves none") if refused else nullcontext():
            resolve(sent, rare, "cpu")


def test_the_network_is_built_for_the_images_as_they_come_in() -> None:
    found = job(size=[12, 10], channels=3, classes=["7", "1"])
    recipe = places(found, {})[0].unit.inputs.recipe
    assert (recipe.size, recipe.channels, recipe.fingerprint) == ((12, 10), 3, DIGITS_LIKE.fingerprint)
    assert (found.dataset.whole.size, found.dataset.whole.channels) == ((12, 10), 3)


def test_images_that_are_too_small_for_a_network_can_be_resized() -> None:
    small = SPEC_OF_ALL | {"model": "lenet5"}
    with pytest.raises(InvalidSpec, match="Ask for another `size`"):
        resolve(SPEC.validate_python(small), DIGITS_LIKE, "cpu")
    resized = small | {"dataset": {"name": "digits", "size": [16, 16]}}
    assert resolve(SPEC.validate_python(resized), DIGITS_LIKE, "cpu").dataset.size == (16, 16)


def test_images_that_differ_in_size_want_one() -> None:
    mixed = DIGITS_LIKE.model_copy(update={"source": "folder", "format": "folder", "sizes_differ": True})
    with pytest.raises(InvalidSpec, match=r"differ in size.*\[224, 224\]"):
        resolve(SPEC.validate_python(SPEC_OF_ALL), mixed, "cpu")
    resized = SPEC_OF_ALL | {"dataset": {"name": "digits", "size": [8, 8]}}
    same = places(resolve(SPEC.validate_python(resized), mixed, "cpu"), {})[0].unit
    assert same.key == key()  # the same content at the same size, whatever it was before


def test_a_folder_may_be_larger_than_memory() -> None:
    folder = DIGITS_LIKE.model_copy(update={"source": "folder", "format": "folder"})
    large = SPEC_OF_ALL | {"dataset": {"name": "digits", "size": [1024, 1024], "channels": 3}}
    assert resolve(SPEC.validate_python(large | {"model": "resnet20"}), folder, "cpu").dataset.decoded > 5e9


def test_some_classes_keep_their_superclasses_and_the_key_does_not_name_them() -> None:
    """They follow from the fingerprint: results from before they were known stay where they are."""
    grouped = DIGITS_LIKE.model_copy(update={"superclasses": (0, 1) * 5})
    choice = {"dataset": {"name": "digits", "classes": ["7", "1", "2"]}}
    known, plain = (resolve(SPEC.validate_python(SPEC_OF_ALL | choice), of, "cpu") for of in (grouped, DIGITS_LIKE))
    assert known.dataset.superclasses == (1, 1, 0)
    assert plain.dataset.superclasses is None
    assert places(known, {})[0].unit.key == places(plain, {})[0].unit.key
