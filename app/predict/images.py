"""The three forms in which images come to /predict, as names and what a predictor takes."""

from typing import Any, NamedTuple

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.bodies import limited, media_type, parse_json, read
from winnow.contract.problems import InvalidSpec, UnsupportedMedia, WinnowError

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp")
MULTIPART = "multipart/form-data"
JSON = "application/json"
MOST_IMAGES = 256
MOST_BYTES = 32 * 1024 * 1024
MOST_JSON_BYTES = 8 * 1024 * 1024
"""A number takes up to 30 times its digits in memory while it is JSON."""


class Images(NamedTuple):
    """What to predict, each under its name."""

    names: tuple[str, ...]
    images: tuple[Any, ...]
    """Bytes of image files, or nested lists of pixels."""


async def sent_images(request: Request) -> Images:
    """The images of a request. Raises UnsupportedMedia, TooLarge, InvalidSpec, WinnowError (400)."""
    kind = media_type(request)
    if kind in IMAGE_TYPES:
        data = await read(request, MOST_BYTES)
        if not data:
            raise InvalidSpec("The body is empty: send the image itself, say with `curl --data-binary @FILE`.")
        return Images(("image",), (data,))
    if kind == MULTIPART:
        return await _from_form(request)
    if kind == JSON:
        return await run_in_threadpool(_from_json, await read(request, MOST_JSON_BYTES))
    raise UnsupportedMedia(
        f"Send an image ({', '.join(IMAGE_TYPES)}), {MULTIPART} with parts called `file`, or JSON "
        '`{"instances": […]}`, and say which by the header Content-Type.'
    )


async def _from_form(request: Request) -> Images:
    parser = MultiPartParser(request.headers, limited(request, MOST_BYTES), max_files=MOST_IMAGES, max_fields=0)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many" in error.message:
            raise InvalidSpec(f"Send at most {MOST_IMAGES} parts called `file`, each with a file name.") from error
        raise WinnowError(f"The form cannot be read: {error.message}") from error
    try:
        parts = [(name, part) for name, part in form.multi_items() if isinstance(part, UploadFile)]
        if other := [name for name, _ in parts if name != "file"]:
            raise InvalidSpec(f"There is a part called {other[0]!r}: call each one `file`.")
        if not parts:
            raise InvalidSpec("There is no part called `file`: send at least one image.")
        names = tuple(part.filename or f"image-{place}" for place, (_, part) in enumerate(parts))
        return Images(names, tuple([await part.read() for _, part in parts]))
    finally:
        await form.close()


def _from_json(body: bytes) -> Images:
    document = parse_json(body)
    if not isinstance(document, dict) or list(document) != ["instances"] or not isinstance(document["instances"], list):
        raise InvalidSpec(
            'Send {"instances": […]}, a list of images as rows of pixels from 0 to 255, and nothing else.'
        )
    instances = document["instances"]
    if not 0 < len(instances) <= MOST_IMAGES:
        raise InvalidSpec(f"instances: there are {len(instances)} images; send 1 to {MOST_IMAGES}.")
    return Images(tuple(f"instances[{place}]" for place in range(len(instances))), tuple(instances))
