"""Jobs, levels and predictions as tables for people."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from winnow.contract.resources import Job, Model, Predictions
from winnow.contract.rows import ArmSummary, LevelRow, PointRow
from winnow.contract.sheets import labels, swept
from winnow.contract.specs.jobs import PlaceArm

ARMS: dict[PlaceArm, str] = {
    "evaluated": "test",
    "ticket": "ticket",
    "mask_init": "mask, init",
    "mask_rewound": "mask, rewound",
    "mask_trained": "mask, trained",
    "random_reinit": "reinit",
    "random_mask": "random mask",
    "reversed_mask": "reversed",
    "fine_tuned": "fine-tuned",
    "mask_random": "mask, random",
    "no_mask": "no mask",
    "own_ticket": "own ticket",
    "dense": "dense",
}
VERDICTS = {"winning": "bold green", "matching": "green", "not_matching": "red", "inconclusive": "yellow"}
STATES = {"running": "cyan", "succeeded": "green", "failed": "red", "cancelled": "yellow"}


def sheet(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Rows under their names; what is longer than the terminal is wide goes on below, the first column stays whole."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(names):
        table.add_column(name, no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    return table


def levels_table(levels: Iterable[LevelRow]) -> Table:
    """A row a level: sparsity and the test accuracy of each arm in percent, with its 95 % interval over replicates."""
    rows = list(levels)
    arms = [arm for arm in ARMS if any(arm in row.arms for row in rows)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("sparsity", justify="right", no_wrap=True)
    for arm in arms:
        table.add_column(ARMS[arm], justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        cells = [accuracy(row.arms.get(arm)) for arm in arms]
        verdict = row.verdict or ""
        table.add_row(f"{row.sparsity:.2%}", *cells, Text(verdict.replace("_", " "), VERDICTS.get(verdict, "")))
    return table


def points_table(points: Iterable[PointRow]) -> Table:
    """A row for each point of a sweep: its values, and its deepest level, or how far it is."""
    rows = list(points)
    last = [point.levels[-1] if point.levels else None for point in rows]
    arms = [arm for arm in ARMS if any(row is not None and arm in row.arms for row in last)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for path in swept(point.at for point in rows):
        table.add_column(path, justify="right")
    for name in ("sparsity", *(ARMS[arm] for arm in arms)):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for point, row, named in zip(rows, last, labels([point.at for point in rows]), strict=True):
        found = (row.verdict or "") if row and point.state == "succeeded" else point.state
        said = Text(found.replace("_", " "), VERDICTS.get(found, STATES.get(found, "")))
        cells = [accuracy(row.arms.get(arm)) if row else "–" for arm in arms]
        table.add_row(*named, f"{row.sparsity:.2%}" if row else "–", *cells, said)
    return table


def accuracy(summary: ArmSummary | None) -> str:
    """`98.6 ± 0.5`: mean and half the 95 % interval in percent; the mean alone where there is one replicate."""
    if summary is None:
        return "–"
    if summary.high is None:
        return f"{100 * summary.mean:.1f}"
    return f"{100 * summary.mean:.1f} ± {100 * (summary.high - summary.mean):.1f}"


def jobs_table(jobs: Iterable[Job]) -> Table:
    """A row a job."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("job", "state", "done", "what", "created"):
        # An id is only of use whole; a narrow terminal takes from the others.
        table.add_column(name, no_wrap=name != "state", min_width=30 if name == "job" else 4)
    for job in jobs:
        table.add_row(job.id, state(job), percent(job.progress.fraction), what(job), _ago(job.created_at))
    return table


def models_table(models: Iterable[Model]) -> Table:
    """A row a model."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("model", "name", "architecture", "classes", "sparsity", "test", "created"):
        table.add_column(name, no_wrap=True, min_width=30 if name == "model" else 4)
    for model in models:
        said = (model.name or "", model.architecture, str(len(model.classes)), f"{model.sparsity:.2%}")
        test = "" if model.test_accuracy is None else f"{model.test_accuracy:.2%}"
        table.add_row(model.id, *said, test, _ago(model.created_at))
    return table


def state(job: Job) -> Text:
    """A job's state, with its place in the queue or what it waits for."""
    text = job.state
    if job.queue_position is not None:
        text += f", {job.queue_position} in the queue"
    if job.waiting is not None and job.waiting.waits_for == "worker":
        text += f", waits for a {job.waiting.resource} worker"
        text += f" of {job.waiting.cores} cores" if job.waiting.cores else ""
        text += f" and {job.waiting.gpus} GPUs a slot" if job.waiting.gpus else ""
    return Text(text, STATES.get(job.state, ""))


def what(job: Job) -> str:
    """What a job was asked, in one line: `prune lenet5 on digits to 98 %`."""
    model, dataset = _name(job.spec.get("model")), job.spec.get("dataset")
    on = f" on {_name(dataset)}" if dataset else ""
    points = f", {len(job.points)} points" if job.points else ""
    return f"{job.kind} {model}{on}{_target(job.spec.get('target') or {})}{points}"


def predictions_table(answer: Predictions) -> Table:
    """A row an image."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("image", "label", "probability", "then"):
        table.add_column(name, justify="right" if name == "probability" else "left")
    for one in answer.predictions:
        others = ", ".join(f"{top.label} {top.probability:.1%}" for top in one.top[1:3])
        table.add_row(Text(one.name), Text(one.label, "bold"), f"{one.probability:.1%}", Text(others))
    return table


def percent(fraction: float) -> str:
    """Whole percent, 100 only where it is all."""
    return f"{int(100 * fraction)}%"


def _target(target: Mapping[str, Any]) -> str:
    """Where a job is to end: ` to 98 %`; nothing for what has no target."""
    if (sparsity := target.get("sparsity")) is not None:
        return f" to {100 * sparsity:g} %"
    if (points := target.get("max_accuracy_drop")) is not None:
        return f" to {points:g} points below dense"
    return f" to {most:,} bytes" if (most := target.get("max_bytes")) is not None else ""


def _name(choice: object) -> str:
    if isinstance(choice, dict) and choice.get("job"):
        return "another job's model"
    return str(choice.get("name", "?")) if isinstance(choice, dict) else str(choice)


def _ago(moment: datetime) -> str:
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
