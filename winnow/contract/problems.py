"""Errors as values: problem details (RFC 9457) and the reasons why a unit or job failed."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from winnow.contract.values import Record


class Slug(StrEnum):
    """The last part of a problem's `type`: `urn:winnow:problem:SLUG`."""

    INVALID_REQUEST = "invalid-request"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    CONFLICT = "conflict"
    TOO_LARGE = "too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    RANGE_NOT_SATISFIABLE = "range-not-satisfiable"
    UNPROCESSABLE = "unprocessable"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class Reason(StrEnum):
    """Why a unit or a job did not succeed. States drive the machine; reasons explain."""

    USER_ERROR = "user_error"
    DATA_ERROR = "data_error"
    OUT_OF_MEMORY = "out_of_memory"
    NO_SPACE = "no_space"
    STORE_UNAVAILABLE = "store_unavailable"
    WORKER_LOST = "worker_lost"
    SUSPECTED_POISON = "suspected_poison"
    DEADLINE = "deadline"
    BUG = "bug"


OF_HTTP = (("body",), ("query",), ("path",), ("header",))
"""Where in a request a field is, which is nothing to people."""


class FieldError(Record):
    """One thing wrong with a request, and what to do."""

    loc: tuple[str | int, ...]
    msg: str
    hint: str | None = None

    def __str__(self) -> str:
        """In one line, for people."""
        return f"{self.brief} ({self.hint})" if self.hint else self.brief

    @property
    def brief(self) -> str:
        """Where in what was sent, and what is wrong there."""
        path = self.loc[1:] if self.loc[:1] in OF_HTTP else self.loc
        return f"{'.'.join(map(str, path or self.loc))}: {self.msg}"


def and_more(errors: Sequence[FieldError]) -> str:
    """Behind a detail that tells the first error: where the others are."""
    return f" ({len(errors) - 1} more in `errors`.)" if len(errors) > 1 else ""


def in_lines(detail: str, errors: Sequence[FieldError]) -> str:
    """A problem for people: its detail, and a line for each error but a first one that the detail tells already."""
    told = bool(errors) and (errors[0].brief in detail or errors[0].msg == detail)
    return "\n".join([detail.removesuffix(and_more(errors)), *(f"  {error}" for error in errors[told:])])


class Problem(Record):
    """An `application/problem+json` body; `detail` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: tuple[FieldError, ...] = ()


class JobError(Record):
    """Why a job failed."""

    type: str
    title: str
    detail: str
    reason: Reason
    unit: str | None = None
    attempt: int | None = None


class WinnowError(Exception):
    """What a caller did that cannot be done; the text says what to do. Each boundary gives it its own form.

    WinnowError
    ├── InvalidSpec         a spec or a parameter that cannot be met            (422)
    ├── InvalidFile         a file that is malformed, truncated or hostile      (422)
    ├── NotFound            nothing by that name                                (404)
    ├── Conflict            it exists, with other content or in another state   (409)
    ├── TooLarge            more than may come in                               (413)
    ├── UnsupportedMedia    a kind of body that nobody here reads               (415)
    ├── NotYet              it is on its way: ask again                         (503)
    └── Unavailable         the store, database or network is away: try again   (503)
    """

    slug = Slug.INVALID_REQUEST
    status = 400

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = (), **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.members = members


class InvalidSpec(WinnowError):
    """A spec or a parameter that cannot be met."""

    slug = Slug.UNPROCESSABLE
    status = 422


class InvalidFile(WinnowError):
    """A file that is malformed, truncated or hostile."""

    slug = Slug.UNPROCESSABLE
    status = 422


class NotFound(WinnowError):
    """Nothing by that name."""

    slug = Slug.NOT_FOUND
    status = 404


class Conflict(WinnowError):
    """It exists, with other content or in another state."""

    slug = Slug.CONFLICT
    status = 409


class TooLarge(WinnowError):
    """More than may come in."""

    slug = Slug.TOO_LARGE
    status = 413


class UnsupportedMedia(WinnowError):
    """A kind of body that nobody here reads."""

    slug = Slug.UNSUPPORTED_MEDIA_TYPE
    status = 415


class NotYet(WinnowError):
    """What is asked for is on its way: ask again."""

    slug = Slug.UNAVAILABLE
    status = 503


class Unavailable(WinnowError):
    """The store, the database or the network is away: try again."""

    slug = Slug.UNAVAILABLE
    status = 503
