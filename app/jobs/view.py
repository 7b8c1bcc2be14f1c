"""From a job's row to what `GET /v1/jobs/{id}` shows."""

from sqlalchemy import Connection

from app.times import time_of, time_or_none
from winnow.contract.resources import TERMINAL, Job
from winnow.contract.rows import PointRow
from winnow.db.types import AnyRow
from winnow.jobs.progress import progress
from winnow.jobs.read import queue_position, waiting


def view(conn: Connection, row: AnyRow) -> Job:
    """The job as it is at this moment."""
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        reason=row.reason,
        queue_position=queue_position(conn, row),
        waiting=waiting(conn, row),
        progress=progress(conn, row),
        created_at=time_of(row.created_at),
        started_at=time_or_none(row.started_at),
        finished_at=time_or_none(row.finished_at),
        cancel_requested_at=time_or_none(row.cancel_requested_at),
        spec=row.resolved["spec"],
        levels=row.levels,
        points=_points(row),
        result=row.result,
        error=row.error,
        links=_links(row.id),
    )


def _points(row: AnyRow) -> tuple[PointRow, ...]:
    """Of a job that has ended, points that had not: they ended with it."""
    ended = {"state": row.state} if row.state in TERMINAL else {}
    return tuple(
        PointRow.model_validate(point if point["state"] in TERMINAL else point | ended) for point in row.points
    )


def _links(job_id: str) -> dict[str, str]:
    here = f"/v1/jobs/{job_id}"
    below = {name: f"{here}/{name}" for name in ("events", "metrics", "table", "certificate", "cancel")}
    return {"self": here, **below, "models": f"/v1/models?job={job_id}"}
