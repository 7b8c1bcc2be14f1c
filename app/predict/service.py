"""Predictions: which model is asked, and what it says."""

from typing import Any

from sqlalchemy import Connection

from app.deps import Parts
from app.models.queries import files_of, model
from app.predict.images import Images
from winnow.artifact.images import decode, decode_array
from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.problems import Conflict, InvalidFile, InvalidSpec
from winnow.contract.resources import Predictions
from winnow.contract.rows import JobResult
from winnow.db.tables import TENANT
from winnow.jobs import read


def predict(parts: Parts, asked: str | None, sent: Images) -> Predictions:
    """Ask a model, or the model of a job's target. Raises NotFound, Conflict, InvalidSpec, InvalidFile, Unavailable."""
    name = asked or parts.settings.default_model
    if name is None:
        raise InvalidSpec("Say which model to ask: `?model=mdl_…`, or a job for its target's: `?model=job_…`.")
    with parts.database.read() as conn:
        model_id = _target(conn, name) if name.startswith("job_") else name
        row = model(conn, TENANT, model_id)
        stored = files_of(conn, TENANT, row.unit_key)
        if "model.onnx" not in stored:
            raise Conflict(
                f"The model {model_id} was brought, and a worker has yet to make its files. Follow the job that does: "
                f"GET /v1/models/{model_id} names it."
            )
        sha256 = stored["model.onnx"].sha256
    predictor = parts.predictors.get(sha256)
    named = zip(sent.names, sent.images, strict=True)
    pixels = [_pixels(image, predictor.preprocessing, name) for name, image in named]
    return Predictions(model_id=model_id, predictions=predictor.predictions(sent.names, pixels))


def _pixels(image: Any, preprocessing: Preprocessing, name: str) -> Any:
    if isinstance(image, bytes):
        return decode(image, preprocessing, name)
    try:
        return decode_array(image, preprocessing)
    except InvalidFile as error:
        raise InvalidFile(f"{name}: {error.detail}") from error


def _target(conn: Connection, job_id: str) -> str:
    job = read.job(conn, TENANT, job_id)
    if job.result is None and job.points:
        raise Conflict(
            "The job is a sweep: each of its points has a model of its own. Ask one of them: "
            f"GET /v1/models?job={job_id} lists them."
        )
    if job.result is None:
        raise Conflict(
            f"The job is {job.state} and has no result to ask. Ask the model of a level that is finished: "
            f"GET /v1/models?job={job_id} lists them."
        )
    return JobResult.model_validate(job.result).target.model_id
