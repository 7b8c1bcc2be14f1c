"""What can be done with jobs: each in one transaction."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from app.datasets.service import facts_named
from app.deps import Parts
from app.jobs import queries
from app.jobs.curves import curves
from app.jobs.view import view
from app.models.service import units_behind
from app.pages import decode, page
from winnow.artifact.certificate import seal
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.hints import did_you_mean, summary
from winnow.contract.ids import is_model_id
from winnow.contract.problems import Conflict, FieldError, InvalidSpec, NotFound
from winnow.contract.reading import read
from winnow.contract.resources import TERMINAL, Curves, Job, Page, Table
from winnow.contract.specs.jobs import SPEC, Spec
from winnow.db.tables import TENANT
from winnow.jobs import workers
from winnow.jobs.cancel import cancel as cancel_job
from winnow.jobs.read import curves_of, results_of
from winnow.jobs.submit import replayed, submit
from winnow.plan import Known, Resolved, resolve_sent, table

Found = TypeVar("Found")


def create(parts: Parts, sent: Any, idempotency_key: str | None) -> Job:
    """Take a job in, or find the one that came under the same key; the bell is the caller's. Raises InvalidSpec."""
    first = _first_answer(parts, sent, idempotency_key) if idempotency_key else None
    if first is not None:
        return first
    resolved = _resolved(parts, sent)
    with parts.database.write() as conn:
        job_id = submit(conn, tenant=TENANT, sent=sent, resolved=resolved, idempotency_key=idempotency_key)
        return view(conn, queries.job(conn, TENANT, job_id))


def get(parts: Parts, job_id: str) -> Job:
    """One job. Raises NotFound."""
    with parts.database.read() as conn:
        return view(conn, queries.job(conn, TENANT, job_id))


def newest(parts: Parts, only: Mapping[str, str | None], limit: int, cursor: str | None) -> Page[Job]:
    """A page of jobs, newest first: `only` those of a state or kind, where it is named."""
    place = decode(cursor, int)
    named = {name: value for name, value in only.items() if value is not None}
    with parts.database.read() as conn:
        rows = queries.newest(conn, TENANT, named, place[0] if place else None, limit + 1)
        return page(rows, limit, lambda row: view(conn, row), lambda row: [row.number])


def cancel(parts: Parts, job_id: str) -> tuple[Job, Literal["cancelled", "already_finished"]]:
    """Ask for a job to stop. Raises NotFound."""
    with parts.database.write() as conn:
        outcome = cancel_job(conn, TENANT, job_id)
        job = view(conn, queries.job(conn, TENANT, job_id))
    return job, outcome


def table_for(parts: Parts, job_id: str) -> Table:
    """A row for each network measured so far. Raises NotFound."""
    with parts.database.read() as conn:
        job = queries.job(conn, TENANT, job_id)
        results = results_of(conn, job_id)
    return Table(rows=table(Resolved.model_validate(job.resolved), results))


def curves_for(parts: Parts, job_id: str) -> Curves:
    """The curves so far. Raises NotFound."""
    with parts.database.read() as conn:
        job = queries.job(conn, TENANT, job_id)
        results = results_of(conn, job_id)
        points = curves_of(conn, job_id)
    return curves(Resolved.model_validate(job.resolved), results, points)


def certificate_for(parts: Parts, job_id: str) -> dict[str, Any]:
    """The certificate, sealed. Raises NotFound, and Conflict where there is none."""
    with parts.database.read() as conn:
        job = queries.certificate(conn, TENANT, job_id)
    if job.certificate is not None:
        return seal(job.certificate)
    if job.state in TERMINAL:
        raise Conflict(f"The job is {job.state}: only a job that succeeds has a certificate. GET it to see why.")
    raise Conflict(f"The job is {job.state}: its certificate comes with its success. Follow its events until then.")


def _first_answer(parts: Parts, sent: Any, key: str) -> Job | None:
    with parts.database.read() as conn:
        job_id = replayed(conn, tenant=TENANT, sent=sent, idempotency_key=key)
        return view(conn, queries.job(conn, TENANT, job_id)) if job_id else None


def _spec(sent: Any) -> Spec:
    spec = read(SPEC, sent)
    name = spec.model.name
    if name is not None and not is_model_id(name) and name not in ARCHITECTURES:
        msg, hint = f"there is no architecture {name!r}", did_you_mean(name, ARCHITECTURES)
        errors = (FieldError(loc=("body", "model"), msg=msg, hint=hint),)
        raise InvalidSpec(summary(errors), errors)
    return spec


def _resolved(parts: Parts, sent: Any) -> Resolved:
    with parts.database.read() as conn:
        gpu_there = any(worker.resource == "gpu" for worker in workers.live(conn))
    known = Known(
        dataset=lambda name: _looked_up("dataset", lambda: facts_named(parts, name)),
        model=lambda name: _looked_up("model", lambda: units_behind(parts, name)),
        auto="gpu" if gpu_there else "cpu",
    )
    return resolve_sent(sent, _spec, known)


def _looked_up(field: str, look_up: Callable[[], Found]) -> Found:
    try:
        return look_up()
    except NotFound as error:
        raise InvalidSpec(error.detail, (FieldError(loc=("body", field), msg=error.detail),)) from error
