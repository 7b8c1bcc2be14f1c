"""Every error as problem details (RFC 9457): one shape, and a text that says what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from winnow.contract.hints import of_parameters, summary
from winnow.contract.problems import FieldError, Problem, Slug, Unavailable, WinnowError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "5"

_SLUGS = {
    400: Slug.INVALID_REQUEST,
    401: Slug.UNAUTHORIZED,
    404: Slug.NOT_FOUND,
    405: Slug.METHOD_NOT_ALLOWED,
    409: Slug.CONFLICT,
    413: Slug.TOO_LARGE,
    415: Slug.UNSUPPORTED_MEDIA_TYPE,
    416: Slug.RANGE_NOT_SATISFIABLE,
    422: Slug.UNPROCESSABLE,
    503: Slug.UNAVAILABLE,
}


class ProblemResponse(JSONResponse):
    """A problem as a response."""

    media_type = MEDIA_TYPE


def problem(
    status: int,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> ProblemResponse:
    """Problem details; `members` are the extension members of RFC 9457, 3.2."""
    slug = _SLUGS.get(status, Slug.INVALID_REQUEST if status < 500 else Slug.INTERNAL)
    body = Problem(
        type=f"urn:winnow:problem:{slug}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=f"urn:winnow:request:{structlog.contextvars.get_contextvars().get('request_id', 'unknown')}",
        errors=errors,
    )
    return ProblemResponse(dict(members or {}) | body.model_dump(mode="json"), status, headers)


def internal() -> ProblemResponse:
    """What a caller hears of an error that nobody foresaw: enough to ask about it, nothing of the inside."""
    detail = "Something went wrong here, not with your request. Try again; if it stays, quote `instance`."
    return problem(500, detail)


def _winnow(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, WinnowError)  # noqa: S101 - it is registered for these alone
    if isinstance(error, Unavailable):
        # Its text names hosts and folders: for the log, not for the caller.
        structlog.get_logger().warning("unavailable", detail=error.detail)
        detail = "The database or the store does not answer. Try again in a moment; GET /readyz says which."
        return problem(503, detail, headers={"Retry-After": RETRY_AFTER_SECONDS})
    headers = {"Retry-After": RETRY_AFTER_SECONDS} if error.status == 503 else None
    return problem(error.status, error.detail, error.errors, headers=headers, members=error.members)


def _http(request: Request, error: Exception) -> ProblemResponse:
    """What the framework refuses: unknown paths, wrong methods, forms it cannot read."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these alone
    detail = error.detail
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}. See /docs for what there is."
    elif error.status_code == 405:
        # The framework names the methods of the first route of that path only; RFC 9110 wants all.
        allowed = ", ".join(request.app.state.methods(request.url.path))
        detail = f"{request.method} is not possible here; {allowed} is."
        return problem(405, detail, headers={"Allow": allowed})
    return problem(error.status_code, detail, headers=error.headers)


def _parameters(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these alone
    errors = of_parameters(error.errors())
    return problem(422, summary(errors), errors)


HANDLERS: dict[int | type[Exception], Any] = {
    WinnowError: _winnow,
    HTTPException: _http,
    RequestValidationError: _parameters,
}
"""What is not here ends in `app.gate.Gate`, which is outside of all."""
