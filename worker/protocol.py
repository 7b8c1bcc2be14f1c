"""What a slot and its runner say to each other: one JSON object a line, `{"NAME": {…}}`."""

import json
from pathlib import Path

from winnow.contract.problems import Reason
from winnow.contract.results import Point, UnitResult
from winnow.contract.units import Unit
from winnow.contract.values import Record


class Do(Record):
    """To the runner: do this unit."""

    unit: Unit
    inputs: dict[str, Path]
    outputs: Path
    checkpoints: Path
    checkpoint: Path | None


class StopOrder(Record):
    """To the runner: stop the unit, after a checkpoint where `checkpoint` says so."""

    checkpoint: bool


class Ready(Record):
    """From the runner, once: libraries are loaded, and this is its numerics class."""

    numerics: str


class Progress(Record):
    """From the runner: how far the unit is, in steps, and what was measured there."""

    done: int
    of: int
    point: Point | None = None


class Checkpoint(Record):
    """From the runner: the training up to this step lies in this file, for a while."""

    path: Path
    step: int


class Done(Record):
    """From the runner: the unit is done, its files lie in `outputs`."""

    result: UnitResult


class Stopped(Record):
    """From the runner: it stopped as it was told."""


class Failed(Record):
    """From the runner: the unit cannot be done."""

    reason: Reason
    detail: str
    trace: str | None = None


Message = Do | StopOrder | Ready | Progress | Checkpoint | Done | Stopped | Failed

NAMES: dict[str, type[Message]] = {
    "do": Do,
    "stop": StopOrder,
    "ready": Ready,
    "progress": Progress,
    "checkpoint": Checkpoint,
    "result": Done,
    "stopped": Stopped,
    "failed": Failed,
}
_NAME_OF = {kind: name for name, kind in NAMES.items()}


def encode(message: Message) -> bytes:
    """The message as one line."""
    return f'{{"{_NAME_OF[type(message)]}":{message.model_dump_json()}}}\n'.encode()


def decode(line: bytes) -> Message:
    """The message of one line. Raises ValueError for anything else."""
    match json.loads(line):
        case dict() as found if len(found) == 1:
            ((name, body),) = found.items()
            if name in NAMES:
                return NAMES[name].model_validate(body)
    raise ValueError(f"not a message: {line[:200]!r}")
