"""The client: a verb for each thing the service does, all of them over one request."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from winnow.client import following
from winnow.client.connection import Connection
from winnow.client.downloads import Report, download
from winnow.client.errors import ClientError
from winnow.client.events import Event
from winnow.contract.resources import Curves, Dataset, Job, Model, ModelFile, Predictions, Series, Table, Worker
from winnow.contract.rows import TableRow

DEFAULT_URL = "http://127.0.0.1:8000"
IMAGES_A_REQUEST = 256
LOOKED_AT = httpx.Timeout(30.0, read=3600.0)
"""What is sent to be kept is looked through before the answer: minutes, for 100,000 pictures."""
ARCHIVES = {".zip": "application/zip", ".npz": "application/x-npz"}


class Client:
    """A connection to one service; use it in a `with`, or `close` it.

    Every verb raises Unreachable when nothing answers, Refused (with the problem) when the service says no, and
    Damaged for an answer that is none. Lists come as iterators that fetch page by page. `transport` is for tests.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        api_key: str | None = None,
        *,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._connection = Connection(url, api_key, timeout, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.http.close()

    # Jobs

    def submit(self, spec: Mapping[str, Any], idempotency_key: str | None = None) -> Job:
        """POST a job. A key, made up where none is given, makes it safe to send again when the answer is lost."""
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return self._connection.read(Job, "POST", "/v1/jobs", json=dict(spec), headers=headers)

    def job(self, job_id: str) -> Job:
        """The job as it is now."""
        return following.read_job(self._connection, job_id)

    def jobs(self, state: str | None = None, kind: str | None = None) -> Iterator[Job]:
        """All jobs, newest first."""
        return self._connection.pages(Job, "/v1/jobs", {"state": state, "kind": kind})

    def cancel(self, job_id: str) -> Job:
        """Ask for a job to stop; one that has ended stays as it is."""
        return self._connection.read(Job, "POST", f"/v1/jobs/{job_id}/cancel")

    def table(self, job_id: str) -> tuple[TableRow, ...]:
        """A row for each network measured so far."""
        return self._connection.read(Table, "GET", f"/v1/jobs/{job_id}/table").rows

    def curves(self, job_id: str) -> tuple[Series, ...]:
        """What was measured while each network trained, step by step."""
        return self._connection.read(Curves, "GET", f"/v1/jobs/{job_id}/metrics").series

    def certificate(self, job_id: str) -> bytes:
        """The certificate's canonical JSON, byte for byte as the service keeps it."""
        return self._connection.request("GET", f"/v1/jobs/{job_id}/certificate").content

    def events(self, job_id: str, after: str | None = None) -> Iterator[Event]:
        """The events of a job as they come, to its end; see `following.events`."""
        return following.events(self._connection, job_id, after)

    def follow(self, job_id: str) -> Iterator[Job]:
        """The job now, then whenever it has changed, its end last; see `following.follow`."""
        return following.follow(self._connection, job_id)

    # Models

    def models(self, job: str | None = None) -> Iterator[Model]:
        """All models, or those of one job, newest first."""
        return self._connection.pages(Model, "/v1/models", {"job": job})

    def model(self, model_id: str) -> Model:
        """One model."""
        return self._connection.read(Model, "GET", f"/v1/models/{model_id}")

    def push(self, weights: Path, name: str, spec: Mapping[str, Any], mask: Path | None = None) -> Model:
        """Bring a network: safetensors, and what it is; see `winnow.contract.specs.brought`."""
        with ExitStack() as opened:
            paths = {"weights": weights} | ({"mask": mask} if mask else {})
            files = {part: (path.name, opened.enter_context(path.open("rb"))) for part, path in paths.items()}
            sent = {
                "params": {"name": name},
                "data": {"spec": json.dumps(dict(spec))},
                "files": files,
                "timeout": LOOKED_AT,
            }
            return self._connection.read(Model, "POST", "/v1/models", **sent)

    def files(self, model_id: str) -> Iterator[ModelFile]:
        """What can be downloaded of a model."""
        return self._connection.pages(ModelFile, f"/v1/models/{model_id}/files")

    def download(self, model_id: str, file: ModelFile, folder: Path, report: Report | None = None) -> Path:
        """One file of a model into `folder`, verified and resumable; see `downloads.download`."""
        return download(self._connection, f"/v1/models/{model_id}/files/{file.name}", file, folder, report)

    def predict(self, model: str | None, images: Sequence[Path]) -> Predictions:
        """What a model, or a job's target model, says of one or more image files."""
        answers = []
        for batch in _batches(images):
            with ExitStack() as opened:
                parts = [("file", (path.name, opened.enter_context(path.open("rb")))) for path in batch]
                answers.append(self._predict(model, files=parts))
        return _joined(answers)

    def predict_arrays(self, model: str | None, instances: Sequence[Any]) -> Predictions:
        """The same for nested lists of H×W or H×W×C pixels, 0–255."""
        return _joined([self._predict(model, json={"instances": list(batch)}) for batch in _batches(instances)])

    # Data sets and workers

    def datasets(self) -> Iterator[Dataset]:
        """All data sets that a job can name."""
        return self._connection.pages(Dataset, "/v1/datasets")

    def dataset(self, name: str) -> Dataset:
        """One data set, by its id or name."""
        return self._connection.read(Dataset, "GET", f"/v1/datasets/{quote(name, safe='')}")

    def upload(self, path: Path, name: str, size: str | None = None) -> Dataset:
        """Send a data set (.zip or .npz) as it lies on disk, a piece at a time; `size` as the service takes it."""
        kind = ARCHIVES.get(path.suffix.lower())
        if kind is None:
            raise ClientError(f"{path.name} is none of {', '.join(ARCHIVES)}: pack the data set as one of them")
        headers = {"Content-Type": kind}
        params = {"name": name, "size": size}
        with path.open("rb") as stream:
            return self._connection.read(
                Dataset, "POST", "/v1/datasets", params=params, content=stream, headers=headers, timeout=LOOKED_AT
            )

    def workers(self) -> Iterator[Worker]:
        """The workers that are alive."""
        return self._connection.pages(Worker, "/v1/workers")

    def _predict(self, model: str | None, **sent: Any) -> Predictions:
        return self._connection.read(Predictions, "POST", "/predict", params={"model": model}, **sent)


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    if not items:
        raise ValueError("predict wants one image at least")
    return (items[start : start + IMAGES_A_REQUEST] for start in range(0, len(items), IMAGES_A_REQUEST))


def _joined(answers: Sequence[Predictions]) -> Predictions:
    everything = tuple(one for answer in answers for one in answer.predictions)
    return Predictions(model_id=answers[0].model_id, predictions=everything)
