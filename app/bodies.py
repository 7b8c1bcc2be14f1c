"""Reading request bodies: counted while they come in, never more in memory than a route allows."""

import json
import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from winnow.contract.hints import Loc, summary
from winnow.contract.problems import FieldError, InvalidSpec, TooLarge, UnsupportedMedia, WinnowError

DEEPEST = 64
"""Levels of lists and objects in a document that is kept; eight jobs in one another have forty."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


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
    # In a thread: a megabyte of hostile JSON takes a second, in which all others would wait.
    return await run_in_threadpool(parse_document, await read(request, most))


def parse_document(body: bytes) -> Any:
    """JSON that can be stored and sent back. Raises as `parse_json`, and InvalidSpec with all that is unsound."""
    document = parse_json(body)
    if wrong := tuple(_unsound(document, ("body",))):
        raise InvalidSpec(summary(wrong), wrong)
    return document


def parse_json(body: bytes) -> Any:
    """JSON in UTF-8 with no name twice. Raises WinnowError (400), and InvalidSpec for nothing at all."""
    if not body.strip():
        raise InvalidSpec("The body is empty: send a JSON document.")
    try:
        return json.loads(body.decode("utf-8-sig"), object_pairs_hook=_object)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise WinnowError(f"The body is not JSON: {error}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{twice!r} is given twice in one object")
    return found


def _unsound(value: Any, loc: Loc) -> Iterator[FieldError]:
    """Python reads NaN, numbers beyond float, NUL and half surrogates from JSON; nothing here can mean them."""
    if len(loc) > DEEPEST:
        raise _too_deep()
    match value:
        case float() if not math.isfinite(value):
            yield FieldError(
                loc=loc, msg=f"{json.dumps(value)} is not a finite number", hint="Give a number that JSON has."
            )
        case str() if not storable(value):
            yield FieldError(loc=loc, msg="the text has a NUL or half a surrogate pair", hint="Leave it out.")
        case dict():
            for name, item in value.items():
                sound = storable(name)
                yield from () if sound else _unsound(name, loc)
                yield from _unsound(item, (*loc, name if sound else "?"))
        case list():
            for place, item in enumerate(value):
                yield from _unsound(item, (*loc, place))


def storable(text: str) -> bool:
    """Whether a database takes it and UTF-8 has it: no NUL, no half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def _too_deep() -> WinnowError:
    return WinnowError("The JSON is nested too deeply.")


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {most} bytes that may come in here. Send less.")
