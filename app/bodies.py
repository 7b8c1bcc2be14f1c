"""Reading request bodies: counted while they come in, never more in memory than a route allows."""

import json
import math
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from fastapi import Request

from winnow.contract.hints import Loc, summary
from winnow.contract.problems import FieldError, InvalidSpec, TooLarge, UnsupportedMedia, WinnowError


async def limited(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """The body in chunks. Raises TooLarge: at once where Content-Length says so, else when the count does."""
    if int(request.headers.get("content-length", 0)) > most:
        raise _too_large(most)
    count = 0
    async for chunk in request.stream():
        count += len(chunk)
        if count > most:
            raise _too_large(most)
        yield chunk


async def read(request: Request, most: int) -> bytes:
    """The whole body, at most `most` bytes. Raises TooLarge."""
    return b"".join([chunk async for chunk in limited(request, most)])


def media_type(request: Request) -> str:
    """The body's media type without parameters, in lower case; empty where none is named."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, most: int) -> Any:
    """The body as a document. Raises UnsupportedMedia, TooLarge, WinnowError (400: not JSON), InvalidSpec (422)."""
    if media_type(request) != "application/json":
        raise UnsupportedMedia("Send JSON with the header `Content-Type: application/json`.")
    try:
        document = parse_json(await read(request, most))
        wrong = tuple(_unsound(document, ("body",)))
    except RecursionError as error:
        raise WinnowError("The JSON is nested too deeply.") from error
    if wrong:
        raise InvalidSpec(summary(wrong), wrong)
    return document


def parse_json(body: bytes) -> Any:
    """JSON in UTF-8 with no name twice. Raises WinnowError (400), InvalidSpec for nothing at all, RecursionError."""
    if not body.strip():
        raise InvalidSpec("The body is empty: send a JSON document.")
    try:
        return json.loads(body.decode("utf-8-sig"), object_pairs_hook=_object)
    except ValueError as error:
        raise WinnowError(f"The body is not JSON: {error}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is given twice in one object")
    return found


def _unsound(value: Any, loc: Loc) -> Iterator[FieldError]:
    """Python reads NaN, numbers beyond float, NUL and half surrogates from JSON; nothing here can mean them."""
    match value:
        case float() if not math.isfinite(value):
            yield FieldError(
                loc=loc, msg=f"{json.dumps(value)} is not a finite number", hint="Give a number that JSON has."
            )
        case str() if not _storable(value):
            yield FieldError(loc=loc, msg="the text has a NUL or half a surrogate pair", hint="Leave it out.")
        case dict():
            for name, item in value.items():
                sound = _storable(name)
                yield from () if sound else _unsound(name, loc)
                yield from _unsound(item, (*loc, name if sound else "?"))
        case list():
            for place, item in enumerate(value):
                yield from _unsound(item, (*loc, place))


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {most} bytes that may come in here. Send less.")
