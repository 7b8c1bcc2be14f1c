"""What people send, read as what it should be; where it is not, everything that is wrong comes with what to do."""

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from winnow.contract.hints import Schema, of_body, summary
from winnow.contract.problems import InvalidSpec, WinnowError

T = TypeVar("T")


def read(kind: TypeAdapter[T], sent: Any) -> T:
    """What was sent, as a value. Raises InvalidSpec that lists what is wrong with it, field by field."""
    try:
        return kind.validate_python(sent)
    except ValidationError as error:
        errors = of_body(error.errors(include_url=False), sent, _schema(kind))
        raise InvalidSpec(summary(errors), errors) from error


def refused(error: ValidationError | WinnowError) -> str:
    """Why a process does not start. Of its settings: variable by variable, without values, as some are secret."""
    if isinstance(error, WinnowError):
        return error.detail
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        ": ".join([*(f"WINNOW_{name}".upper() for name in one["loc"]), one["msg"].removeprefix("Value error, ")])
        for one in found
    )


@cache
def _schema(kind: TypeAdapter[Any]) -> Schema:
    return kind.json_schema()
