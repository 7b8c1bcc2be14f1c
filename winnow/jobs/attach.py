"""Attach: a live job names the units that it needs; they are made, or made ready again."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from winnow.contract.units import Unit
from winnow.db.chunks import chunks
from winnow.db.insert import insert_absent
from winnow.db.tables import job_units, units
from winnow.db.types import AnyRow
from winnow.jobs.states import FOR_GOOD
from winnow.jobs.tell import job_error
from winnow.jobs.wanted import recount

AFRESH = {"state": "ready", "reason": None, "detail": None, "finished_at": None, "losses": 0, "not_before": 0.0}


def attach(
    conn: Connection, job: AnyRow, needed: Sequence[Unit], attached: Collection[str], taken_in: Collection[str]
) -> None:
    """Make a job, whose row the caller has locked, need these units; `attached` are keys that it needed before.

    1. Insert units that nobody has asked for yet, by key.
    2. Lock by key: those it attaches to now, and those it needed before but which are cancelled.
    3. `cancelled → ready`; `failed → ready` where the job attaches for the first time and another try may help. What is
       done again, or has yet to be begun, is read from where this job says, if that is in the store: another may have
       named a folder that is no longer what it was.
    4. The job's own rows. What has ended already, but is not `taken_in` by the caller, is unseen.
    5. `wanted` and `rank`.
    """
    new = [unit for unit in needed if unit.key not in attached]
    tenant = job.tenant
    insert_absent(conn, units, [_row(tenant, unit) for unit in sorted(new, key=lambda unit: unit.key)])
    locked = _lock(conn, tenant, [unit.key for unit in needed], {unit.key for unit in new})
    rows = [_link(job, unit, locked[unit.key], taken_in) for unit in new]
    _renew(conn, tenant, [unit for unit in needed if unit.key in locked and _tries_again(locked[unit.key])], AFRESH)
    _renew(conn, tenant, [unit for unit in new if unit.dataset and unit.dataset.object and _waits(locked[unit.key])])
    if rows:
        conn.execute(insert(job_units), rows)
    recount(conn, tenant, locked)


def attach_done(conn: Connection, job: AnyRow, found: Sequence[Unit]) -> None:
    """Attach units that are done to a job that ends in this transaction: done is for ever, so no lock is needed."""
    same = {"job_id": job.id, "tenant": job.tenant, "unseen": False, "failure": None}
    if found:
        conn.execute(insert(job_units), [{**same, "unit_key": unit.key, "role": role(unit)} for unit in found])


def role(unit: Unit) -> str:
    """What a unit is to its job: the chain unlocks the rest and goes first."""
    return "control" if unit.kind == "control" else "chain"


def _row(tenant: str, unit: Unit) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "key": unit.key,
        "kind": unit.kind,
        "unit": unit.model_dump(mode="json"),
        "resource": unit.inputs.resource,
        "threads": unit.cores,
        "gpus": unit.gpus,
        "cost": unit.cost,
        "state": "ready",
        "wanted": 0,
        "attempt": 0,
        "losses": 0,
        "not_before": 0.0,
        "progress": 0.0,
    }


def _renew(
    conn: Connection, tenant: str, again: Sequence[Unit], values: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Set values, and the words of this job on where a unit's data lie: its key says only what they are."""
    this = (units.c.tenant == tenant, units.c.key == bindparam("named"))
    told = [{"named": unit.key, "told": unit.model_dump(mode="json")} for unit in again]
    if told:
        conn.execute(update(units).where(*this).values(unit=bindparam("told"), **values), told)


def _lock(conn: Connection, tenant: str, keys: list[str], new: set[str]) -> dict[str, AnyRow]:
    locked = {}
    for some in chunks(keys):
        touched = units.c.key.in_([key for key in some if key in new]) | (units.c.state == "cancelled")
        query = select(units.c.key, units.c.state, units.c.reason, units.c.detail, units.c.attempt, units.c.wanted)
        query = query.where(units.c.tenant == tenant, units.c.key.in_(some), touched)
        query = query.order_by(units.c.key).with_for_update(key_share=True)  # as rows that name a unit hold its key
        locked.update({row.key: row for row in conn.execute(query)})
    return locked


def _waits(row: AnyRow) -> bool:
    """For a worker, and for longer than this transaction."""
    return bool(row.state == "ready" and row.wanted > 0)


def _tries_again(row: AnyRow) -> bool:
    return row.state == "cancelled" or (row.state == "failed" and row.reason not in FOR_GOOD)


def _link(job: AnyRow, unit: Unit, row: AnyRow, taken_in: Collection[str]) -> dict[str, Any]:
    lost_cause = row.state == "failed" and row.reason in FOR_GOOD
    failure = job_error(row.reason, row.detail, row.key, row.attempt).model_dump(mode="json") if lost_cause else None
    return {
        "job_id": job.id,
        "unit_key": unit.key,
        "tenant": job.tenant,
        "role": role(unit),
        "unseen": lost_cause or (row.state == "done" and unit.key not in taken_in),
        "failure": failure,
    }
