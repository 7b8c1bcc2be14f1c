"""The OpenAPI document: what FastAPI finds, with problem details and the specs, which routes read themselves."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from app.errors import MEDIA_TYPE
from winnow.contract.problems import Problem
from winnow.contract.specs.brought import BroughtSpec
from winnow.contract.specs.jobs import SPEC

_REF = "#/components/schemas/{model}"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses as documented answers of a route."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def body(*media_types: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A request body that the route reads itself, for `openapi_extra`."""
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in media_types}}}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a value that a route reads itself; what it refers to is under the document's components."""
    return {name: value for name, value in model.model_json_schema(ref_template=_REF).items() if name != "$defs"}


def spec_schema() -> dict[str, Any]:
    """The schema of a spec; what it refers to is under the document's components."""
    return {name: value for name, value in SPEC.json_schema(ref_template=_REF).items() if name != "$defs"}


def document(app: FastAPI, *, with_key: bool) -> dict[str, Any]:
    """The whole document."""
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template=_REF)
    specs = SPEC.json_schema(ref_template=_REF)["$defs"] | BroughtSpec.model_json_schema(ref_template=_REF)["$defs"]
    for spec in specs.values():
        if "const" in spec["properties"].get("kind", {}):
            # It has a default for those who build specs in Python; on the wire it says which spec this is.
            spec["required"] = ["kind", *spec["required"]]
    schemas |= problem.pop("$defs") | specs | {"Problem": problem}
    if with_key:
        found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"key": []}]
    return found
