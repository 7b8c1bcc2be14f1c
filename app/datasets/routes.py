"""/v1/datasets: send one, list them."""

from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from app.bodies import media_type
from app.datasets import service
from app.datasets.intake import received
from app.deps import Here
from app.openapi import body, problems
from app.pages import DEFAULT_LIMIT, Cursor, Limit
from winnow.contract.datasets import SIZE, pixels
from winnow.contract.names import NAME
from winnow.contract.problems import InvalidFile, UnsupportedMedia
from winnow.contract.resources import Dataset, Datasets

MEDIA_TYPES = ("application/zip", "application/x-npz")

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

Name = Annotated[
    str,
    Query(
        pattern=f"^{NAME}$",
        description="What jobs will call it: letters, digits, dots, dashes and underscores, not beginning with `dst_`.",
    ),
]
Size = Annotated[
    str | None,
    Query(
        pattern=f"^{SIZE}$",
        description="`32` or `24x32` (height × width): resize images of a zip to this; wanted where sizes differ.",
    ),
]


@router.post(
    "",
    status_code=201,
    operation_id="datasets_create",
    openapi_extra=body(*MEDIA_TYPES, schema={"type": "string", "format": "binary"}),
    responses=problems(409, 413, 415, 422) | {200: {"model": Dataset, "description": "It was there already."}},
)
async def create(here: Here, request: Request, response: Response, name: Name, size: Size = None) -> Dataset:
    """Send a data set as the raw body: a zip of `CLASS/*` or `train/CLASS/*` and `test/CLASS/*`, or an .npz.

    `val/` does for `test/`. It is checked before it is kept: names, sizes, counts and each image's header.
    """
    kind = media_type(request)
    if kind not in MEDIA_TYPES:
        raise UnsupportedMedia(f"Say what the file is by the header Content-Type: {' or '.join(MEDIA_TYPES)}.")
    await run_in_threadpool(service.check_name, here, name)
    async with received(request, here.settings.uploads, here.settings.max_upload_bytes) as sent:
        if not sent.bytes:
            raise InvalidFile("The body is empty: send the file itself, say with `curl --data-binary @FILE`.")
        keep = partial(service.keep, here, sent, kind, name, pixels(size) if size else None)
        dataset, new = await to_thread.run_sync(keep, limiter=here.inspections)
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/datasets/{dataset.id}"
    return dataset


@router.get("", operation_id="datasets_list", responses=problems(422))
def newest(here: Here, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Datasets:
    """Uploaded data sets, newest first, then those built in, then folders of the data directory.

    A folder's facts are those of the last time that somebody asked for it; `unread` names those that nobody has.
    """
    return service.newest(here, limit, cursor)


@router.get("/{dataset_id}", operation_id="datasets_get", responses=problems(404, 422))
def get(here: Here, dataset_id: str) -> Dataset:
    """One data set by its id or name: classes, counts, image size, fingerprint."""
    return service.get(here, dataset_id)
