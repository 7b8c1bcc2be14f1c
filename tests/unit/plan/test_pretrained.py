"""Jobs that begin with published weights: what is planned, and what is refused."""

from typing import Any

import pytest

from tests.support.fabricated import fabricated
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.inputs import PretrainedInputs
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.jobs import SPEC
from winnow.plan import Known, Resolved, places, plan, resolve_sent

RESNET = {"name": "torchvision/resnet18", "weights": "pretrained"}
TRANSFER = {"kind": "transfer", "model": RESNET, "dataset": "digits", "trainable": "head", "train": {"steps": 5}}
LARGE = {"name": "digits", "size": [64, 64]}
FRESH = {"kind": "train", "dataset": LARGE, "model": "torchvision/resnet18", "train": {"steps": 5}}


def resolved(sent: dict[str, Any]) -> Resolved:
    known = Known(dataset=lambda name: DATASETS[name], model=lambda _id: (), auto="cpu")
    return resolve_sent(sent, SPEC.validate_python, known)


def test_a_transfer_begins_with_the_published_file_and_shows_it_images_as_it_knows_them() -> None:
    job = resolved(TRANSFER)
    source, *rest = places(job, {})
    assert isinstance(source.unit.inputs, PretrainedInputs)
    assert source.unit.inputs.file == "resnet18-f37072fd.pth"
    assert (job.facts.channels, job.facts.size) == (3, (224, 224))
    assert job.training.arms == ("no_mask", "mask_random")
    assert {place.arm for place in rest} == {"features", "no_mask", "mask_random"}
    assert len(source.unit.classes) == 1000
    assert "classes" not in source.unit.inputs.model_dump(), "a thousand names are no part of what is kept"


def test_images_may_be_of_another_size_and_the_model_is_the_same() -> None:
    small = resolved(TRANSFER | {"dataset": LARGE})
    assert small.facts.size == (64, 64)
    assert small.source == resolved(TRANSFER).source


def test_the_certificate_says_where_the_weights_are_from() -> None:
    job = resolved(TRANSFER | {"replicates": 1})
    dense = fabricated(next(p.unit for p in places(resolved(FRESH), {})), {})
    results = {place.unit.key: dense for place in places(job, {})}
    assert plan(job, results).outcome.certificate["model"]["origin"] == "pretrained"


def test_what_is_transferred_is_pruned_in_the_same_job() -> None:
    job = resolved({"kind": "prune", "dataset": "digits", "model": {"job": TRANSFER}, "target": {"sparsity": 0.5}})
    assert job.before is not None
    assert job.before.source[0].kind == "pretrained"
    assert job.architecture == "torchvision/resnet18"


def test_as_it_is_it_is_evaluated() -> None:
    job = resolved({"kind": "evaluate", "model": RESNET})
    assert [place.unit.kind for place in places(job, {})] == ["pretrained"]


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (
            TRANSFER | {"model": {"name": "resnet20", "weights": "pretrained"}},
            r"for 'resnet20'\. .* torchvision/alexnet",
        ),
        (TRANSFER | {"model": {"name": "mdl_0", "weights": "pretrained"}}, "no pretrained weights for 'mdl_0'"),
        (TRANSFER | {"model": "torchvision/resnet18"}, "a transfer wants one, `mdl_…`, or pretrained weights"),
        (FRESH | {"model": RESNET}, "ask for a transfer, which gives it a fresh head"),
        ({"kind": "prune", "dataset": "digits", "model": RESNET, "target": {"sparsity": 0.5}}, "ask for a transfer"),
        ({"kind": "evaluate", "dataset": "digits", "model": RESNET}, "has no class '0' and 9 more"),
    ],
)
def test_what_cannot_be_met_is_refused_with_a_way_out(sent: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidSpec, match=says):
        resolved(sent)


def test_a_jobs_model_has_weights_of_its_own() -> None:
    with pytest.raises(ValueError, match="a job brings its own weights"):
        resolved(TRANSFER | {"model": {"job": FRESH, "weights": "pretrained"}})
