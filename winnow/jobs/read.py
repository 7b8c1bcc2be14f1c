"""What worker and API both read of jobs and units. Reading changes nothing."""

from typing import Any

from sqlalchemy import Connection, Select, func, select

from winnow.contract.problems import NotFound
from winnow.contract.resources import Waiting
from winnow.contract.results import Point, UnitResult
from winnow.db.tables import events, job_units, jobs, unit_metrics, units
from winnow.db.types import AnyRow
from winnow.jobs.states import WANTING
from winnow.jobs.workers import live


def job(conn: Connection, tenant: str, job_id: str) -> AnyRow:
    """The row of a job. Raises NotFound."""
    row = conn.execute(select(jobs).where(jobs.c.tenant == tenant, jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id!r}. GET /v1/jobs lists them.")
    return row


def results_of(conn: Connection, job_id: str) -> dict[str, UnitResult]:
    """The results that a job has so far, by unit key."""
    query = _units_of(job_id).where(units.c.state == "done").with_only_columns(units.c.key, units.c.result)
    return {key: UnitResult.model_validate(result) for key, result in conn.execute(query).all()}


def events_after(conn: Connection, job_id: str, seq: int, limit: int = 200) -> list[AnyRow]:
    """Events numbered above `seq`, in order: seq, at, event, data."""
    query = select(events).where(events.c.job_id == job_id, events.c.seq > seq).order_by(events.c.seq)
    return list(conn.execute(query.limit(limit)).all())


def curves_of(conn: Connection, job_id: str) -> dict[str, list[Point]]:
    """The points measured so far, by unit key and in order of step; where attempts overlap, the latest has its say."""
    on = (unit_metrics.c.tenant == job_units.c.tenant) & (unit_metrics.c.unit_key == job_units.c.unit_key)
    query = select(unit_metrics).join(job_units, on).where(job_units.c.job_id == job_id)
    latest: dict[str, dict[int, Point]] = {}
    for row in conn.execute(query.order_by(unit_metrics.c.attempt)):
        latest.setdefault(row.unit_key, {})[row.step] = Point(step=row.step, values=row._mapping["values"])
    return {key: [points[step] for step in sorted(points)] for key, points in latest.items()}


def queue_position(conn: Connection, row: AnyRow) -> int | None:
    """1 + the queued jobs ahead for the same resource; None unless the job is queued."""
    if row.state != "queued":
        return None
    ahead = select(func.count()).where(jobs.c.state == "queued", jobs.c.resource == row.resource)
    return 1 + (conn.scalar(ahead.where(jobs.c.number < row.number)) or 0)


def waiting(conn: Connection, row: AnyRow) -> Waiting | None:
    """What keeps a job from being worked on: no live worker that could, or no free slot; None while one works."""
    if row.state not in WANTING:
        return None
    if conn.scalar(select(_units_of(row.id).where(units.c.state == "running").exists())):
        return None
    there = [worker for worker in live(conn) if worker.resource == row.resource]
    ready = _units_of(row.id).where(units.c.state == "ready")
    least = conn.execute(ready.with_only_columns(func.min(units.c.threads), func.min(units.c.gpus))).one()
    cores, gpus = (count or 0 for count in least)
    fits = any(worker.cores >= cores and worker.gpus_a_slot >= gpus for worker in there)
    said = {"for": "slot" if fits else "worker", "resource": row.resource}
    return Waiting.model_validate(said | ({"cores": cores, "gpus": gpus or None} if there and not fits else {}))


def _units_of(job_id: str) -> Select[Any]:
    on = (units.c.tenant == job_units.c.tenant) & (units.c.key == job_units.c.unit_key)
    return select(units.c.key).select_from(job_units.join(units, on)).where(job_units.c.job_id == job_id)
