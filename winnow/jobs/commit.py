"""Commit: `running → done`."""

from sqlalchemy import Connection, select, update

from winnow.contract.results import UnitResult
from winnow.db.clock import now
from winnow.db.insert import insert_absent
from winnow.db.tables import files, models, units
from winnow.jobs import attempts
from winnow.jobs.heartbeat import keep_points
from winnow.jobs.lease import NO_CHECKPOINT, Claim, attempt_of, held
from winnow.jobs.lose import lose
from winnow.jobs.objects import hold
from winnow.jobs.tell import tell_jobs


def commit(conn: Connection, claim: Claim, result: UnitResult) -> bool:
    """Keep the one result of a unit, whose files are stored; False where the lease is lost, and nothing is written.

    1. Lock that unit alone, behind the fence.
    2. Hold the objects of its files. Where one was collected meanwhile, this attempt is a loss.
    3. The result without its curve (step 4). Its checkpoint is needed no longer.
    4. The attempt's end, the rest of its curves.
    5. Its files and its model: a level is a model as soon as it is finished, whatever becomes of the job.
    6. Each live job that needs it is told.
    """
    if conn.scalar(select(units.c.number).where(held(claim)).with_for_update()) is None:
        return False
    if not hold(conn, [file.sha256 for file in result.files.values()]):
        lose(conn, claim, "A file was not in the store any more when the result came that names it.")
        return False
    kept = {"result": result.model_dump(mode="json", exclude={"curve"}), "progress": 1.0, "finished_at": now()}
    conn.execute(update(units).where(held(claim)).values(state="done", lease_until=None, **kept, **NO_CHECKPOINT))
    attempts.end(conn, attempt_of(claim), "done")
    keep_points(conn, claim, result.curve)
    _keep_files(conn, claim, result)
    _keep_model(conn, claim, result)
    tell_jobs(conn, claim.tenant, claim.unit.key)
    return True


def _keep_files(conn: Connection, claim: Claim, result: UnitResult) -> None:
    this = {"tenant": claim.tenant, "unit_key": claim.unit.key}
    found = sorted(result.files.items())
    insert_absent(conn, files, [{**this, "name": n, "sha256": f.sha256, "bytes": f.bytes} for n, f in found])


def _keep_model(conn: Connection, claim: Claim, result: UnitResult) -> None:
    unit = claim.unit
    if unit.model_id is None:
        return
    row = {
        "tenant": claim.tenant,
        "id": unit.model_id,
        "unit_key": unit.key,
        "kind": unit.kind,
        "architecture": unit.network.architecture,
        "dataset_fingerprint": unit.dataset and unit.dataset.fingerprint,
        "classes": unit.classes,
        "replicate": unit.replicate,
        "level": unit.level,
        "zeros": result.zeros,
        "prunable": result.prunable,
        "test_accuracy": result.metrics.test and result.metrics.test.accuracy,
    }
    insert_absent(conn, models, [row])  # a brought model is there since it was brought
