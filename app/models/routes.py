"""/v1/models: the networks that jobs have made, and their files."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from app.deps import Here
from app.errors import problem
from app.models import service
from app.models.ranges import not_modified, span
from app.openapi import problems
from app.pages import DEFAULT_LIMIT, Cursor, Limit
from winnow.artifact.model import FILE_KINDS
from winnow.contract.resources import Model, ModelFile, Page

router = APIRouter(prefix="/v1/models", tags=["models"])

Conditional = Annotated[str | None, Header()]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BYTES = {kind.media_type: _BINARY for kind in FILE_KINDS.values()}


@router.get("", operation_id="models_list", responses=problems(422))
def newest(
    here: Here,
    job: Annotated[str | None, Query(max_length=100, description="Only the models of this job.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Model]:
    """Models, newest first: one for each replicate of each finished level, also while the job still runs."""
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
