"""Files between the store and an attempt: inputs in, outputs and checkpoints out."""

from collections.abc import Iterable
from pathlib import Path

import structlog

from winnow.artifact.digest import file_ref
from winnow.contract.problems import InvalidFile, NotFound
from winnow.contract.results import FileRef, UnitResult
from winnow.jobs.lease import Claim
from winnow.jobs.objects import touch
from worker.protocol import Do
from worker.scratch import Desk
from worker.workplace import Workplace

log = structlog.get_logger(__name__)

FOR_PEOPLE = frozenset({"ticket.winnow", "model.onnx", "brought-weights", "brought-mask"})
"""What no unit reads of its parents."""


def lay_out(place: Workplace, claim: Claim, desk: Desk) -> Do:
    """Put the inputs of a claim on the desk, and write the order.

    Raises NotFound, InvalidFile, Unavailable, OSError.
    """
    inputs: dict[str, Path] = {}
    for role, files in claim.parent_files.items():
        for name, ref in files.items():
            if name not in FOR_PEOPLE:
                inputs[f"{role}/{name}"] = desk.inputs / f"{role}-{name}"
                place.scratch.fetch(ref.sha256, inputs[f"{role}/{name}"])
    for name, sha256 in claim.uploads.items():
        inputs[name] = desk.inputs / name
        place.scratch.fetch(sha256, inputs[name])
    checkpoint = _checkpoint(place, claim, desk)
    return Do(unit=claim.unit, inputs=inputs, outputs=desk.outputs, checkpoints=desk.checkpoints, checkpoint=checkpoint)


def _checkpoint(place: Workplace, claim: Claim, desk: Desk) -> Path | None:
    """Where to go on from. Without it the unit begins anew and comes to the same bytes, so damage is no failure."""
    if claim.checkpoint is None:
        return None
    path = desk.checkpoints / "from-before"
    try:
        place.objects.fetch(claim.checkpoint.sha256, path)
    except (NotFound, InvalidFile) as damage:
        log.warning("checkpoint_damaged", unit=claim.unit.key, detail=damage.detail)
        return None
    return path


def deliver(place: Workplace, outputs: Path, result: UnitResult) -> None:
    """Store the outputs; the next units likely read them, so they stay in the cache too.

    Raises Unavailable, OSError, and ValueError where a file is not what the result says.
    """
    _touch(place, result.files.values())
    for name, ref in result.files.items():
        if place.objects.put(outputs / name) != ref:
            raise ValueError(f"the runner's file {name} is not the one that its result names")
        if name not in FOR_PEOPLE:
            place.scratch.keep(ref.sha256, outputs / name)


def store(place: Workplace, path: Path) -> FileRef:
    """Store one file. Raises Unavailable, OSError."""
    ref = file_ref(path)
    _touch(place, [ref])
    place.objects.put(path)
    return ref


def _touch(place: Workplace, refs: Iterable[FileRef]) -> None:
    with place.database.write() as conn:
        for ref in sorted(refs, key=lambda ref: ref.sha256):  # rows are locked by name everywhere
            touch(conn, ref.sha256, ref.bytes)
