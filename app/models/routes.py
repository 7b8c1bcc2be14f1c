"""/v1/models: the networks that jobs have made, those that people brought, and their files."""

from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, BackgroundTasks, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.deps import Here
from app.errors import problem
from app.models import service
from app.models.bringing import bring
from app.models.intake import MULTIPART, sent_network
from app.models.ranges import not_modified, span
from app.openapi import body, problems, schema_of
from app.pages import DEFAULT_LIMIT, Cursor, Limit
from winnow.artifact.model import FILE_KINDS
from winnow.contract.names import NAME
from winnow.contract.resources import Model, ModelFile, Page
from winnow.contract.specs.brought import BroughtSpec

router = APIRouter(prefix="/v1/models", tags=["models"])

Conditional = Annotated[str | None, Header()]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BYTES = {kind.media_type: _BINARY for kind in FILE_KINDS.values()}


_PARTS = {"weights": _BINARY["schema"], "mask": _BINARY["schema"], "spec": schema_of(BroughtSpec)}
Name = Annotated[str, Query(pattern=f"^{NAME}$", description="What to call it; the id says what it is.")]


@router.post(
    "",
    status_code=201,
    operation_id="models_create",
    openapi_extra=body(MULTIPART, schema={"type": "object", "properties": _PARTS, "required": ["weights", "spec"]}),
    responses=problems(409, 413, 415, 422) | {200: {"model": Model, "description": "It was there already."}},
)
async def create(here: Here, request: Request, response: Response, later: BackgroundTasks, name: Name) -> Model:
    """Bring a network: `weights` (safetensors), a `mask` if there is one, and what it is as `spec`.

    The tensors are held against the architecture's: a 422 lists those that are `missing`, `unexpected` and of
    `wrong_shape`. A job, whose id the answer has, makes its files; then it can be asked, evaluated, pruned further.
    """
    async with sent_network(here, request) as sent:
        model, new = await to_thread.run_sync(partial(bring, here, sent, name), limiter=here.inspections)
    later.add_task(here.ring, "cpu")  # after the answer: a broker that is away must not hold it up
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/models/{model.id}"
    return model


@router.get("", operation_id="models_list", responses=problems(422))
def newest(
    here: Here,
    job: Annotated[str | None, Query(max_length=100, description="Only the models of this job.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Model]:
    """Models, newest first: brought ones, and what finished units of jobs made, also while the job still runs."""
    return service.newest(here, job, limit, cursor)


@router.get("/{model_id}", operation_id="models_get", responses=problems(404))
def get(here: Here, model_id: str) -> Model:
    """One model."""
    return service.get(here, model_id)


@router.get("/{model_id}/files", operation_id="models_files", responses=problems(404))
def files(here: Here, model_id: str) -> Page[ModelFile]:
    """The model's files: what they are for, how large they are, and how large without sparsity."""
    return Page(items=service.files(here, model_id), next=None)


@router.get(
    "/{model_id}/files/{name}",
    operation_id="models_download",
    response_class=Response,
    responses=problems(404, 416)
    | {
        200: {"description": "The file.", "content": _BYTES},
        206: {"description": "The part that `Range` asks for.", "content": _BYTES},
        304: {"description": "`If-None-Match` names these bytes."},
    },
)
def download(
    here: Here,
    model_id: str,
    name: str,
    if_none_match: Conditional = None,
    if_range: Conditional = None,
    range_: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """The bytes of a file, which never change: the ETag is their SHA-256, and a download can go on with `Range`."""
    found = service.download(here, model_id, name)
    etag, size = f'"{found.file.sha256}"', found.file.bytes
    kept = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
    if not_modified(if_none_match, etag):
        return Response(status_code=304, headers=kept)
    part = span(range_, if_range, etag, size)
    if part is not None and part.start >= part.end:
        detail = f"The file has {size} bytes; the range asks for none of them."
        return problem(416, detail, headers={"Content-Range": f"bytes */{size}"})
    headers = kept | {"Accept-Ranges": "bytes", "Content-Disposition": f'attachment; filename="{found.save_as}"'}
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    body = here.objects.stream(found.file.sha256, start, end if part else None)
    return StreamingResponse(body, 206 if part else 200, headers, found.file.media_type)
