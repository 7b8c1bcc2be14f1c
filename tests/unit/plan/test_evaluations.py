"""What an evaluation may ask of a model is settled when it is asked."""

from typing import Any

import pytest

from tests.support.transfers import source_job, source_units
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.plan import Resolved, resolve
from winnow.plan.sources import pretrained

LOW = ["0", "1", "2", "3", "4"]


def evaluation(**dataset: Any) -> Resolved:
    spec = {"kind": "evaluate", "model": "mdl_source", "dataset": {"name": "digits", "classes": LOW} | dataset}
    return resolve(SPEC.validate_python(spec), DATASETS["digits"], "cpu", source_units(source_job()))


def test_images_are_adapted_to_the_model() -> None:
    facts = evaluation().facts
    assert (facts.size, facts.channels) == ((8, 8), 1)


def test_another_size_is_taken_where_the_weights_are_the_same_for_it() -> None:
    assert evaluation(size=[9, 9]).facts.size == (9, 9)


@pytest.mark.parametrize("other", [{"size": [16, 16]}, {"channels": 3}], ids=repr)
def test_images_that_the_model_cannot_take_are_refused(other: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec, match=r"1 channel\(s\) and 8×8 pixels.*Leave the data set's `size` and `channels`"):
        evaluation(**other)


def test_images_below_the_architectures_smallest_are_refused() -> None:
    model = pretrained("torchvision/alexnet")
    dataset = {"name": "digits", "classes": LOW, "size": [16, 16]}
    spec = SPEC.validate_python({"kind": "evaluate", "model": "mdl_source", "dataset": dataset})
    with pytest.raises(InvalidSpec, match="wants images of at least"):
        resolve(spec, DATASETS["digits"], "cpu", (model,))
