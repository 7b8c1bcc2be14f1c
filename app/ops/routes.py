"""For those who run the service: workers, probes, metrics, and what the API is."""

from collections.abc import Callable
from typing import Literal

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import select

from app.deps import Here, Parts
from app.errors import problem
from app.openapi import problems
from app.ops.page import rendered
from app.times import time_of
from winnow.contract.problems import Unavailable
from winnow.contract.resources import Page, Worker
from winnow.contract.values import Record
from winnow.db.tables import jobs
from winnow.jobs.workers import live

router = APIRouter(tags=["ops"])
_TEXT = {"schema": {"type": "string"}}


class Health(Record):
    """The process answers."""

    status: Literal["ok"] = "ok"


@router.get("/v1/workers", operation_id="workers_list")
def workers(here: Here) -> Page[Worker]:
    """The live workers: what they run on, how many units they take at once, how many they hold."""
    with here.database.read() as conn:
        rows = live(conn)
    items = tuple(
        Worker(
            id=row.id,
            resource=row.resource,
            slots=row.slots,
            cores=row.cores,
            gpus_a_slot=row.gpus_a_slot,
            busy=row.busy,
            numerics=row.numerics,
            last_seen=time_of(row.last_seen),
        )
        for row in rows
    )
    return Page(items=items, next=None)


@router.get("/healthz", operation_id="healthz")
def healthz() -> Health:
    """Whether this process answers."""
    return Health()


@router.get("/readyz", operation_id="readyz", response_model=Health, responses=problems(503))
def readyz(here: Here) -> Response | Health:
    """Whether this process can do its work: the database has its tables, the store answers."""
    away = [name for name, answers in (("database", _database), ("store", _store)) if not _try(answers, here)]
    if away:
        return problem(503, f"The {' and the '.join(away)} cannot be used: the log says why.", members={"away": away})
    return Health()


def _database(here: Here) -> None:
    with here.database.read() as conn:
        conn.execute(select(jobs.c.number).limit(1)).all()


def _store(here: Here) -> None:
    here.objects.exists("0" * 64)


def _try(answers: Callable[[Parts], None], here: Parts) -> bool:
    try:
        answers(here)
    except Unavailable as error:
        structlog.get_logger().warning("not ready", detail=error.detail)
        return False
    return True


@router.get(
    "/metrics", operation_id="metrics", response_class=Response, responses={200: {"content": {"text/plain": _TEXT}}}
)
def metrics(here: Here) -> Response:
    """Requests, jobs, units and workers, as Prometheus reads them."""
    with here.database.read() as conn:
        return Response(here.metrics.render(conn), media_type=CONTENT_TYPE_LATEST)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> JSONResponse:
    """The OpenAPI document."""
    return JSONResponse(request.app.openapi())


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The same for people; one page without scripts, so that it works without a network."""
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return HTMLResponse(rendered(request.app.openapi()), headers=policy)
