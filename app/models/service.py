"""Models: what there is, and the files of each."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from app.deps import Parts
from app.models import queries
from app.pages import decode, page
from app.times import time_of
from winnow.artifact.model import FILE_KINDS, dense_bytes
from winnow.contract.problems import NotFound
from winnow.contract.resources import Model, ModelFile, Page
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.db.tables import TENANT
from winnow.db.types import AnyRow


class Download(NamedTuple):
    """A file of a model, and the name to keep it under."""

    file: ModelFile
    save_as: str


def get(parts: Parts, model_id: str) -> Model:
    """One model. Raises NotFound."""
    with parts.database.read() as conn:
        row = queries.model(conn, TENANT, model_id)
        return _views(conn, [row])[0]


def units_behind(parts: Parts, model_id: str) -> tuple[Unit, ...]:
    """The unit that makes a model, then those that it stands on. Raises NotFound."""
    with parts.database.read() as conn:
        row = queries.model(conn, TENANT, model_id)
        return queries.units_behind(conn, TENANT, row.unit_key)


def newest(parts: Parts, job: str | None, limit: int, cursor: str | None) -> Page[Model]:
    """A page of models, newest first."""
    place = decode(cursor, float, str)
    before = (place[0], place[1]) if place else None
    with parts.database.read() as conn:
        rows = queries.newest(conn, TENANT, job=job, before=before, count=limit + 1)
        views = {view.id: view for view in _views(conn, rows[:limit])}
    return page(rows, limit, lambda row: views[row.id], lambda row: [row.created_at, row.id])


def files(parts: Parts, model_id: str) -> tuple[ModelFile, ...]:
    """The files of a model, in a fixed order. Raises NotFound."""
    with parts.database.read() as conn:
        return _files(conn, queries.model(conn, TENANT, model_id))


def download(parts: Parts, model_id: str, name: str) -> Download:
    """One file of a model. Raises NotFound."""
    with parts.database.read() as conn:
        row = queries.model(conn, TENANT, model_id)
        found = {file.name: file for file in _files(conn, row)}
    if name not in found:
        there = f"It has: {', '.join(found)}" if found else "A worker makes a brought model's files: follow its job"
        raise NotFound(f"The model has no file {name!r}. {there}.")
    return Download(found[name], f"{row.architecture.replace('/', '-')}-sparsity-{_sparsity(row):.4f}-{row.id}-{name}")


def _files(conn: Connection, row: AnyRow) -> tuple[ModelFile, ...]:
    stored = queries.files_of(conn, TENANT, row.unit_key)
    sizes = {name: file.bytes for name, file in stored.items()}
    return tuple(
        ModelFile(
            name=name,
            bytes=sizes[name],
            dense_bytes=dense_bytes(name, sizes),
            sha256=stored[name].sha256,
            media_type=kind.media_type,
            opens_with=kind.opens_with,
        )
        for name, kind in FILE_KINDS.items()
        if name in stored
    )


def _sparsity(row: AnyRow) -> float:
    return float(row.zeros / row.prunable)


def _views(conn: Connection, rows: Sequence[AnyRow]) -> list[Model]:
    keys = [row.unit_key for row in rows]
    jobs, results = queries.jobs_of(conn, TENANT, keys), queries.results_of(conn, TENANT, keys)
    return [_view(row, jobs[row.unit_key], results.get(row.unit_key)) for row in rows]


def _view(row: AnyRow, jobs: tuple[str, ...], result: UnitResult | None) -> Model:
    here, test = f"/v1/models/{row.id}", result.metrics.test if result else None
    return Model(
        id=row.id,
        unit=row.unit_key,
        kind=row.kind,
        name=row.name,
        architecture=row.architecture,
        dataset_fingerprint=row.dataset_fingerprint,
        classes=row.classes,
        replicate=row.replicate,
        level=row.level,
        sparsity=_sparsity(row),
        density=(row.prunable - row.zeros) / row.prunable,
        zeros=row.zeros,
        prunable=row.prunable,
        test_accuracy=row.test_accuracy,
        test_top5_accuracy=test.top5_accuracy if test else None,
        test_coarse_accuracy=test.coarse_accuracy if test else None,
        test_accuracy_by_class=test.accuracy_by_class if test else None,
        test_calibration_error=test.calibration_error if test else None,
        parameters=result.parameters if result else None,
        nonzeros=result.nonzeros if result else None,
        macs_dense=result.macs_dense if result else None,
        macs_effective=result.macs_effective if result else None,
        created_at=time_of(row.created_at),
        jobs=jobs,
        links={"self": here, "files": f"{here}/files", "predict": f"{here}/predict"},
    )
