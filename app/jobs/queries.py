"""What only the API reads of jobs; what workers read too is in `winnow.jobs.read`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from winnow.contract.problems import NotFound
from winnow.db.chunks import chunks
from winnow.db.tables import jobs
from winnow.db.types import AnyRow

# Neither what was sent nor the certificate: they are the large ones, and no view shows them.
_SHOWN = tuple(column for column in jobs.c if column.name not in ("sent", "certificate"))
_MOVING = ("id", "state", "last_event", "units_done", "units_total", "cost_total", "fraction", "fraction_at_start")


def job(conn: Connection, tenant: str, job_id: str) -> AnyRow:
    """What is shown of one job. Raises NotFound."""
    return _one(conn, select(*_SHOWN), tenant, job_id)


def certificate(conn: Connection, tenant: str, job_id: str) -> AnyRow:
    """State and certificate of a job. Raises NotFound."""
    return _one(conn, select(jobs.c.state, jobs.c.certificate), tenant, job_id)


def newest(conn: Connection, tenant: str, only: Mapping[str, str], before: int | None, count: int) -> Sequence[AnyRow]:
    """Jobs from the newest on: `only` those with these values in these columns, those that came before a number."""
    query = select(*_SHOWN).where(jobs.c.tenant == tenant, *(jobs.c[name] == value for name, value in only.items()))
    if before is not None:
        query = query.where(jobs.c.number < before)
    return conn.execute(query.order_by(jobs.c.number.desc()).limit(count)).all()


def moving(conn: Connection, job_ids: Collection[str]) -> Sequence[AnyRow]:
    """Of each job what its progress is made of, and the number of its last event."""
    query = select(*(jobs.c[name] for name in _MOVING))
    return [row for some in chunks(job_ids) for row in conn.execute(query.where(jobs.c.id.in_(some)))]


def _one(conn: Connection, query: Select[Any], tenant: str, job_id: str) -> AnyRow:
    row = conn.execute(query.where(jobs.c.tenant == tenant, jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id!r}. GET /v1/jobs lists them.")
    return row
