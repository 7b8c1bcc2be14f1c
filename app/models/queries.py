"""What the API reads of models."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, and_, or_, select

from winnow.contract.lineage import lineage
from winnow.contract.problems import NotFound
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.db.chunks import chunks
from winnow.db.tables import files, job_units, jobs, models, units
from winnow.db.types import AnyRow


def model(conn: Connection, tenant: str, model_id: str) -> AnyRow:
    """One model. Raises NotFound."""
    row = conn.execute(select(models).where(models.c.tenant == tenant, models.c.id == model_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no model {model_id!r}. GET /v1/models lists them.")
    return row


def newest(
    conn: Connection, tenant: str, *, job: str | None, before: tuple[float, str] | None, count: int
) -> Sequence[AnyRow]:
    """Models from the newest on, those of a job, those made before a place in that order."""
    query = select(models).where(models.c.tenant == tenant)
    if job is not None:
        query = query.where(models.c.unit_key.in_(select(job_units.c.unit_key).where(job_units.c.job_id == job)))
    if before is not None:
        at, after = models.c.created_at, before[0]
        query = query.where(or_(at < after, and_(at == after, models.c.id < before[1])))
    return conn.execute(query.order_by(models.c.created_at.desc(), models.c.id.desc()).limit(count)).all()


def jobs_of(conn: Connection, tenant: str, unit_keys: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Of each unit the jobs that need it, oldest first."""
    found: dict[str, tuple[str, ...]] = {}
    query = select(job_units.c.unit_key, jobs.c.id).join(jobs).where(job_units.c.tenant == tenant)
    for some in chunks(unit_keys):
        for row in conn.execute(query.where(job_units.c.unit_key.in_(some)).order_by(jobs.c.number)):
            found[row.unit_key] = (*found.get(row.unit_key, ()), row.id)
    return found


def results_of(conn: Connection, tenant: str, unit_keys: Collection[str]) -> Mapping[str, UnitResult]:
    """Of each unit that is done what it found."""
    query = select(units.c.key, units.c.result).where(units.c.tenant == tenant, units.c.state == "done")
    rows = (row for some in chunks(unit_keys) for row in conn.execute(query.where(units.c.key.in_(some))))
    return {row.key: UnitResult.model_validate(row.result) for row in rows}


def units_behind(conn: Connection, tenant: str, unit_key: str) -> tuple[Unit, ...]:
    """A unit, then those that it stands on."""
    stored = select(units.c.unit).where(units.c.tenant == tenant)

    def find(key: str) -> Unit:
        return Unit.model_validate(conn.execute(stored.where(units.c.key == key)).scalar_one())

    return lineage(find(unit_key), find)


def files_of(conn: Connection, tenant: str, unit_key: str) -> Mapping[str, AnyRow]:
    """All files of a unit by name: those of its model, and what other units start from."""
    query = select(files).where(files.c.tenant == tenant, files.c.unit_key == unit_key)
    return {row.name: row for row in conn.execute(query)}
