"""/v1/jobs: POST one, follow it, read what it found, cancel it."""

from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse

from app.bodies import read_json
from app.deps import Here
from app.jobs import queries, service
from app.jobs.stream import event_of, stream
from app.negotiation import CSV, EVENTS, JSON, preferred
from app.openapi import body, problems, spec_schema
from app.pages import DEFAULT_LIMIT, Cursor, Limit, decode, page
from app.sheets import csv_response
from winnow.contract.problems import InvalidSpec
from winnow.contract.resources import TERMINAL, Curves, Event, Job, JobState, Page, Table
from winnow.contract.sheets import cells, columns, curve_cells, curve_columns
from winnow.contract.specs.jobs import JobKind
from winnow.contract.values import canonical_json
from winnow.db.tables import TENANT
from winnow.jobs.read import events_after

MOST_BYTES = 1024 * 1024
"""A spec is a page of text; what is larger is none."""
_INT32 = 2**31 - 1

# As OpenAPI 3.2 describes streams; `data` is an Event, or for `progress` a JobProgress.
_EVENT = {"type": "object", "properties": {name: {"type": "string"} for name in ("event", "id", "data")}}

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

Accept = Annotated[str | None, Header(include_in_schema=False)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="A text of your own: sent again with the same body, it gets the first job and makes no second.",
    ),
]


async def _sent(request: Request) -> Any:  # async: it reads the body as it comes in
    return await read_json(request, MOST_BYTES)


@router.post(
    "",
    status_code=202,
    operation_id="jobs_create",
    openapi_extra=body(JSON, schema=spec_schema()),
    responses=problems(400, 413, 415, 422),
)
def create(
    here: Here, sent: Annotated[Any, Depends(_sent)], response: Response, later: BackgroundTasks, key: Key = None
) -> Job:
    """Ask for a job: a spec in, the job out, done by workers. Where it refuses, nothing is stored."""
    job = service.create(here, sent, key)
    later.add_task(here.ring, job.spec["resource"])  # after the answer: a broker that is away must not hold it up
    response.headers["Location"] = job.links["self"]
    return job


@router.get("", operation_id="jobs_list", responses=problems(422))
def newest(
    here: Here,
    state: JobState | None = None,
    kind: JobKind | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Job]:
    """Jobs, newest first."""
    return service.newest(here, {"state": state, "kind": kind}, limit, cursor)


@router.get("/{job_id}", operation_id="jobs_get", responses=problems(404))
def get(here: Here, job_id: str) -> Job:
    """One job: its state, its levels so far, and at the end its result."""
    return service.get(here, job_id)


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    operation_id="jobs_cancel",
    responses=problems(404) | {200: {"model": Job, "description": "It has finished already; nothing changed."}},
)
def cancel(here: Here, job_id: str, response: Response) -> Job:
    """Stop a job. Levels that are finished stay."""
    job, outcome = service.cancel(here, job_id)
    response.status_code = 200 if outcome == "already_finished" else 202
    return job


@router.get(
    "/{job_id}/events",
    operation_id="jobs_events",
    response_model=None,
    responses=problems(404, 422)
    | {
        200: {"model": Page[Event], "content": {EVENTS: {"itemSchema": _EVENT}}},
        204: {"description": "The last event was seen already; there is nothing to come back for."},
    },
)
def events(
    here: Here,
    job_id: str,
    accept: Accept = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=_INT32, description="Go on after this one.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response | Page[Event]:
    """What happens to a job, as server-sent events; with `Accept: application/json` a page of them, oldest first.

    `job`, `level` and `unit` are numbered and kept; `progress` is neither. The stream ends after the job has.
    """
    if preferred(accept, EVENTS, JSON) == JSON:
        return _event_page(here, job_id, limit, cursor)
    if cursor is not None:
        raise InvalidSpec("cursor is for pages: send `Accept: application/json`, or the header Last-Event-ID.")
    with here.database.read() as conn:
        job = queries.job(conn, TENANT, job_id)
    after = min(last_event_id or 0, job.last_event)  # a number beyond it is another job's, or of a lost database
    if job.state in TERMINAL and after >= job.last_event:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(stream(here.feed, job_id, after), headers=headers)


def _event_page(here: Here, job_id: str, limit: int, cursor: str | None) -> Page[Event]:
    place = decode(cursor, int)
    with here.database.read() as conn:
        queries.job(conn, TENANT, job_id)
        rows = events_after(conn, job_id, place[0] if place else 0, limit + 1)
    return page(rows, limit, event_of, lambda row: [row.seq])


@router.get(
    "/{job_id}/metrics",
    operation_id="jobs_metrics",
    response_model=Curves,
    responses=problems(404) | {200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
def metrics(here: Here, job_id: str, accept: Accept = None) -> Response | Curves:
    """The curves of each network over its training steps; with `Accept: text/csv` a row for each point."""
    curves = service.curves_for(here, job_id)
    if preferred(accept, JSON, CSV) == JSON:
        return curves
    return csv_response(curve_columns(curves.series), curve_cells(curves.series), "winnow-metrics.csv")


@router.get(
    "/{job_id}/table",
    operation_id="jobs_table",
    response_model=Table,
    responses=problems(404) | {200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
def table(here: Here, job_id: str, accept: Accept = None) -> Response | Table:
    """A row for each level, arm and replicate measured so far; with `Accept: text/csv` as a sheet."""
    found = service.table_for(here, job_id)
    if preferred(accept, JSON, CSV) == JSON:
        return found
    return csv_response(columns(found.rows), map(cells, found.rows), "winnow-table.csv")


@router.get(
    "/{job_id}/certificate",
    operation_id="jobs_certificate",
    response_model=dict[str, Any],
    responses=problems(404, 409),
)
def certificate(here: Here, job_id: str) -> Response:
    """What was asked, what was found, and every check that held: canonical JSON, the same bytes as `winnow run`."""
    return Response(canonical_json(service.certificate_for(here, job_id)), media_type=JSON)
