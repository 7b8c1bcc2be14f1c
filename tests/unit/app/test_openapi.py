"""The OpenAPI document is what the service does: whatever is sent, no 5xx, and answers of the shapes promised."""

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from app.main import create_app
from app.settings import Settings
from tests.support.api import Api, array_npz, image_zip
from tests.support.driver import prune

# Not the check that what fits the schema is accepted: a spec may fit it and name a data set that is not there.
CHECKS = [
    not_a_server_error,
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service that has something of everything."""
    with Api(tmp_path_factory.mktemp("full")) as api:
        api.driver.register()
        api.upload("mine", image_zip())
        api.submit(prune(0.2, "random_reinit"))
        while held := api.driver.claim():
            api.driver.start(held)
            if held.unit.kind == "control":
                api.driver.finish(held)
            else:
                api.finish_with_model(held)
        yield api


@pytest.fixture(scope="module")
def known(full: Api) -> dict[str, str]:
    """Names of what is there."""
    return {
        "job_id": full.get("/v1/jobs").json()["items"][0]["id"],
        "model_id": full.get("/v1/models").json()["items"][0]["id"],
        "dataset_id": "mine",
        "name": "ticket.winnow",
        "architecture": "torchvision/alexnet",
    }


def document() -> dict[str, Any]:
    """What an app says of itself, before one is served: tests are made from it."""
    with tempfile.TemporaryDirectory() as home:
        return create_app(Settings(home=Path(home), storage_url="memory:///")).openapi()


DOCUMENT = document()


def without_prefix_items() -> dict[str, Any]:
    """schemathesis 4.32 turns `prefixItems` of an outermost schema into a draft-4 `items` that no validator takes."""
    found = copy.deepcopy(DOCUMENT)
    size = found["components"]["schemas"]["Dataset"]["properties"]["size"]
    size["items"] = size.pop("prefixItems")[0]
    return found


schema = schemathesis.openapi.from_dict(without_prefix_items())
schemathesis.openapi.media_type("application/zip", st.just(image_zip()) | st.binary())
schemathesis.openapi.media_type("application/x-npz", st.just(array_npz()) | st.binary())
bounded = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@schema.parametrize()
@bounded
def test_whatever_is_sent_the_answer_is_as_promised(case: schemathesis.Case, full: Api) -> None:
    case.call_and_validate(full.url, checks=CHECKS, timeout=20)


@schema.parametrize()
@bounded
def test_the_same_for_what_is_there(case: schemathesis.Case, full: Api, known: dict[str, str]) -> None:
    case.path_parameters = {name: known[name] for name in case.path_parameters}
    case.call_and_validate(full.url, checks=CHECKS, timeout=20)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names)
    assert {"jobs_create", "jobs_list", "jobs_get", "jobs_cancel", "datasets_create", "models_download"} <= set(names)


def test_specs_are_told_apart_by_their_kind() -> None:
    sent = DOCUMENT["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert sent["discriminator"]["propertyName"] == "kind"
    assert set(sent["discriminator"]["mapping"]) == {"train", "prune", "evaluate", "transfer"}
    assert "kind" in DOCUMENT["components"]["schemas"]["PruneSpec"]["required"]


def test_errors_are_problem_details_everywhere() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            errors = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
            assert {"400", "422", "500", "503"} <= set(errors), path
            for answer in errors.values():
                assert answer["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }


def test_every_reference_leads_somewhere() -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            node = list(node.values())
        if isinstance(node, list):
            for item in node:
                yield from references(item)

    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(references(DOCUMENT)) <= known
