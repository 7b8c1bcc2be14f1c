"""The base of every value, exact numbers, and the one canonical JSON that keys and certificates use."""

import hashlib
import json
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer


class Value(BaseModel):
    """A frozen value that refuses unknown fields: what users send, and what keys are made of."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Record(BaseModel):
    """A frozen value that ignores unknown fields: what a reader gets back, so that `/v1` can grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")


# Fifteen digits survive the way through a JSON float and back, so a spec means the same on both sides.
Exact = Annotated[Decimal, Field(max_digits=15), PlainSerializer(float, when_used="json")]


# One encoder, kept: a plan names hundreds of units each time it is asked.
_plain = json.JSONEncoder(ensure_ascii=False).encode


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no spaces and exact decimals (`0.20` and `0.2` are one number).

    Raises ValueError for a number that is not finite and TypeError for what JSON cannot hold.
    """
    return _encode(value).encode()


def _encode(value: Any) -> str:
    match value:
        case BaseModel():
            return _encode(value.model_dump())
        case dict():
            items = sorted((str(key), item) for key, item in value.items())
            return "{" + ",".join(f"{_plain(key)}:{_encode(item)}" for key, item in items) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_encode, value)) + "]"
        case Decimal():
            return _number(value)
        case float():
            return _number(Decimal(repr(value)))
        case None | bool() | int() | str():
            return _plain(value)
    raise TypeError(f"{type(value).__name__} has no canonical JSON")


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    plain = format(value.normalize(), "f")
    return "0" if plain == "-0" else plain


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
