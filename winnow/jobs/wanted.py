"""`wanted` and `rank`: kept on the units where jobs change, so that claiming looks at nothing else."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, ScalarSelect, case, func, select, update

from winnow.db.chunks import chunks
from winnow.db.tables import job_units, jobs, units
from winnow.jobs.states import WANTING


def recount(conn: Connection, tenant: str, keys: Iterable[str]) -> None:
    """Set `wanted` and `rank` of these units to what the rows of the jobs say.

    The caller holds the locks of the units, taken after its own change and in an earlier statement: of two
    transactions that change the jobs of one unit, the later then counts what the earlier has committed.
    """
    rank = func.min(jobs.c.number * 2 + case((job_units.c.role == "control", 1), else_=0))
    counted = {"wanted": _over_wanting_jobs(func.count()), "rank": _over_wanting_jobs(rank)}
    for some in chunks(keys):
        conn.execute(update(units).where(units.c.tenant == tenant, units.c.key.in_(some)).values(**counted))


def _over_wanting_jobs(aggregate: ColumnElement[int]) -> ScalarSelect[int]:
    return (
        select(aggregate)
        .select_from(job_units.join(jobs, job_units.c.job_id == jobs.c.id))
        .where(job_units.c.tenant == units.c.tenant, job_units.c.unit_key == units.c.key, jobs.c.state.in_(WANTING))
        .correlate(units)
        .scalar_subquery()
    )
