"""What people send, read as what it should be; where it is not, everything that is wrong comes with what to do."""

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from winnow.contract.hints import Schema, of_body, summary
from winnow.contract.problems import InvalidSpec

T = TypeVar("T")


def read(kind: TypeAdapter[T], sent: Any) -> T:
    """What was sent, as a value. Raises InvalidSpec that lists what is wrong with it, field by field."""
    try:
        return kind.validate_python(sent)
    except ValidationError as error:
        errors = of_body(error.errors(include_url=False), sent, _schema(kind))
        raise InvalidSpec(summary(errors), errors) from error


@cache
def _schema(kind: TypeAdapter[Any]) -> Schema:
    return kind.json_schema()
