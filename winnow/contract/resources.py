"""The shapes on the wire: what the routes answer, and what the client reads back.

Enums are open (`| str`): a reader takes values that came after it, so that `/v1` can grow.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field

from winnow.contract.problems import JobError, Reason
from winnow.contract.rows import JobResult, LevelRow, PointRow, Progress, TableRow
from winnow.contract.specs.jobs import Arm
from winnow.contract.values import Record

JobState = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
TERMINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})


class JobProgress(Progress):
    """Progress with an estimate of the time left."""

    eta_seconds: float | None = None


class Waiting(Record):
    """What a job waits for."""

    waits_for: Literal["slot", "worker"] | str = Field(alias="for")
    resource: Literal["cpu", "gpu"] | str
    cores: int | None = Field(None, description="Of a `worker`: how many it needs, where there are only smaller ones.")
    gpus: int | None = Field(None, description="Likewise, of a slot on GPUs.")


class Job(Record):
    """A job as `GET /v1/jobs/{id}` shows it."""

    id: str
    kind: str
    state: str
    reason: Reason | str | None
    queue_position: int | None
    waiting: Waiting | None
    progress: JobProgress
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    spec: dict[str, Any]
    levels: tuple[LevelRow, ...] = Field(description="Of a sweep: none of its own, its points have theirs.")
    points: tuple[PointRow, ...] = Field((), description="The points of a sweep; none without one.")
    result: JobResult | None
    error: JobError | None
    links: dict[str, str]


class Series(Record):
    """One curve: `y` over the training steps `x`; null where the value was not finite."""

    at: dict[str, Any] | None = Field(None, description="The point, in a sweep; null where there is none.")
    arm: Arm | str
    replicate: int
    level: int
    name: str
    x: tuple[int, ...]
    y: tuple[float | None, ...]
    unit: str | None = Field(None, description="Key of the unit, which tells apart arms of jobs one before the other.")


class Curves(Record):
    """What `GET /v1/jobs/{id}/metrics` answers."""

    series: tuple[Series, ...]


class Table(Record):
    """What `GET /v1/jobs/{id}/table` answers."""

    rows: tuple[TableRow, ...]


class Event(Record):
    """One transition of a job; beside these, a `job` carries `state` and `reason`, a `level` its row."""

    model_config = ConfigDict(frozen=True, extra="allow")

    seq: int
    event: str
    at: datetime
    job_id: str


class ModelFile(Record):
    """A file of a model."""

    name: str
    bytes: int
    dense_bytes: int
    sha256: str
    media_type: str
    opens_with: str


class Model(Record):
    """A network that can be downloaded and asked."""

    id: str
    unit: str
    kind: str
    name: str | None = Field(None, description="Of a model that was brought.")
    architecture: str
    dataset_fingerprint: str | None
    classes: tuple[str, ...]
    replicate: int
    level: int
    sparsity: float
    density: float
    zeros: int
    prunable: int
    test_accuracy: float | None
    test_top5_accuracy: float | None = Field(None, description="Null at five classes or fewer.")
    test_coarse_accuracy: float | None = Field(
        None, description="The share whose predicted class lies in the right superclass; null without superclasses."
    )
    test_accuracy_by_class: tuple[float | None, ...] | None = Field(
        None, description="In the order of `classes`; null for a class without test images."
    )
    test_calibration_error: float | None = Field(None, description="Expected calibration error over 15 equal bins.")
    parameters: int | None = Field(None, description="All parameters, prunable or not.")
    nonzeros: int | None = Field(None, description="Parameters that are not masked.")
    macs_dense: int | None = Field(
        None, description="Multiply-accumulates of one image in convolutions and linear layers, as if none were masked."
    )
    macs_effective: int | None = Field(None, description="Those of the weights that are not masked.")
    created_at: datetime
    jobs: tuple[str, ...]
    links: dict[str, str]


class Dataset(Record):
    """A data set that a job can name."""

    id: str
    name: str
    source: Literal["builtin", "upload", "folder"] | str
    fingerprint: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    test_counts: tuple[int, ...] | None
    channels: int
    size: tuple[int, int]
    sizes_differ: bool | None = None
    bytes: int | None = None
    created_at: datetime | None = None


class Worker(Record):
    """A live worker."""

    id: str
    resource: Literal["cpu", "gpu"] | str
    slots: int
    cores: int | None = Field(None, description="Which its units may keep busy in all.")
    gpus_a_slot: int | None = Field(None, description="GPUs for each unit; 0 on CPUs.")
    busy: int
    numerics: str
    last_seen: datetime


class Top(Record):
    """One class and its probability."""

    label: str
    probability: float


class Prediction(Record):
    """What a model says of one image."""

    name: str
    label: str
    index: int
    probability: float
    top: tuple[Top, ...]


class Predictions(Record):
    """The answer of `/predict`."""

    model_id: str
    predictions: tuple[Prediction, ...]


Item = TypeVar("Item")


class Page(Record, Generic[Item]):
    """One page of a list; `next` is the cursor of the following page, or null."""

    items: tuple[Item, ...]
    next: str | None


class Datasets(Page[Dataset]):
    """One page of data sets, and what else jobs can name."""

    unread: tuple[str, ...] = Field(
        (),
        description="Folders of the data directory that nobody has asked for yet: GET one to have it looked through.",
    )
