"""Commit: `running → done`."""

from sqlalchemy import Connection, update

from winnow.contract.results import UnitResult
from winnow.contract.units import LevelInputs
from winnow.db.clock import now
from winnow.db.insert import insert_absent
from winnow.db.tables import files, models, units
from winnow.jobs import attempts
from winnow.jobs.heartbeat import keep_points
from winnow.jobs.lease import Claim, attempt_of, held
from winnow.jobs.tell import tell_jobs


def commit(conn: Connection, claim: Claim, result: UnitResult) -> bool:
    """Keep the one result of a unit, whose files are stored; False where the lease is lost, and nothing is written.

    1. Behind the fence, locking that unit alone: the result. Its checkpoint is needed no longer.
    2. The attempt's end, the rest of its curves.
    3. Its files and its model: a level is a model as soon as it is finished, whatever becomes of the job.
    4. Each live job that needs it is told.
    """
    done = conn.execute(
        update(units)
        .where(held(claim))
        .values(
            state="done",
            result=result.model_dump(mode="json"),
            progress=1.0,
            finished_at=now(),
            lease_until=None,
            **NO_CHECKPOINT,
        )
    )
    if done.rowcount == 0:
        return False
    attempts.end(conn, attempt_of(claim), "done")
    keep_points(conn, claim, result.curve)
    _keep_files(conn, claim, result)
    _keep_model(conn, claim, result)
    tell_jobs(conn, claim.tenant, claim.unit.key)
    return True


NO_CHECKPOINT = {
    "checkpoint_sha256": None,
    "checkpoint_bytes": None,
    "checkpoint_step": None,
    "checkpoint_numerics": None,
}


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
        "architecture": unit.inputs.recipe.architecture,
        "dataset_fingerprint": unit.dataset.fingerprint,
        "classes": unit.dataset.classes,
        "replicate": unit.inputs.recipe.replicate,
        "level": unit.inputs.depth if isinstance(unit.inputs, LevelInputs) else 0,
        "zeros": result.zeros,
        "prunable": result.prunable,
        "test_accuracy": result.metrics.test.accuracy,
        "created_at": now(),
    }
    conn.execute(models.insert().values(**row))
