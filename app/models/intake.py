"""A network on its way in: a form of weights, a mask if there is one, and what is said of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.bodies import limited, media_type, parse_document
from app.datasets.intake import Received, kept
from app.deps import Parts
from winnow.contract.problems import InvalidSpec, UnsupportedMedia, WinnowError

MULTIPART = "multipart/form-data"
FILES = ("weights", "mask")
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Sent:
    """What came in, for as long as its request lives."""

    weights: Received
    mask: Received | None
    spec: Any
    """As JSON has it."""


@asynccontextmanager
async def sent_network(here: Parts, request: Request) -> AsyncIterator[Sent]:
    """The parts of the form, its files in files. Raises UnsupportedMedia, TooLarge, InvalidSpec, WinnowError (400)."""
    if media_type(request) != MULTIPART:
        raise UnsupportedMedia(
            f"Send {MULTIPART}: the files `weights` and, if there is one, `mask`, and `spec` as JSON."
        )
    form = await _form(request, here.settings.max_upload_bytes)
    async with AsyncExitStack() as open_parts:
        open_parts.push_async_callback(form.close)
        files = {
            name: await open_parts.enter_async_context(kept(_chunks(part), here.settings.uploads))
            for name in FILES
            if (part := _file(form, name)) is not None
        }
        if "weights" not in files or not files["weights"].bytes:
            raise InvalidSpec("There is no part called `weights`: send the network's state dict as safetensors.")
        yield Sent(files["weights"], files.get("mask"), await _spec(form))


async def _form(request: Request, most: int) -> FormData:
    parser = MultiPartParser(request.headers, limited(request, most), max_files=len(FILES) + 1, max_fields=1)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise WinnowError(f"The form cannot be read: {error.message}") from error
    wanted = {*FILES, "spec"}
    names = [name for name, _ in form.multi_items()]
    wrong = [name for name in names if name not in wanted or names.count(name) > 1]
    if wrong:
        await form.close()
        raise InvalidSpec(
            f"There is a part called {wrong[0]!r} too many: send `weights`, `mask` and `spec`, each once."
        )
    return form


def _file(form: FormData, name: str) -> UploadFile | None:
    part = form.get(name)
    if isinstance(part, str):
        raise InvalidSpec(f"The part `{name}` is text: send it as a file, with a file name.")
    return part


async def _chunks(part: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await part.read(CHUNK):
        yield chunk


async def _spec(form: FormData) -> Any:
    part = form.get("spec")
    if part is None:
        raise InvalidSpec("There is no part called `spec`: send what the network is as JSON.")
    text = part.encode() if isinstance(part, str) else await part.read()
    return await run_in_threadpool(parse_document, text)
