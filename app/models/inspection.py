"""Looking through brought weights in a process of its own: they are read whole, and come from strangers.

    python -m app.models.inspection WEIGHTS [MASK]

What is wanted comes in as JSON on standard input. The child sees neither settings nor credentials, and answers in one
line of JSON. When its parent is gone nobody wants the answer, and it ends.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from winnow.artifact.brought import brought_masks, read_brought
from winnow.contract.problems import FieldError, InvalidFile, Unavailable
from winnow.parent import end_with_parent

_CHECKOUT = Path(__file__).parents[2]


class Wanted(NamedTuple):
    """What a network has to bring."""

    tensors: dict[str, tuple[int, ...]]
    prunable: tuple[str, ...]
    zeros: str | None


class Counted(NamedTuple):
    """What it brings."""

    zeros: int
    prunable: int


def inspected(weights: Path, mask: Path | None, wanted: Wanted) -> Counted:
    """The counts of a network whose weights fit. Raises InvalidFile, and Unavailable where nobody could look."""
    asked = [sys.executable, "-m", "app.models.inspection", str(weights), *([str(mask)] if mask else [])]
    # Its own interpreter and module; an empty environment, as what it reads comes from strangers.
    done = subprocess.run(  # noqa: S603
        asked, cwd=_CHECKOUT, env={}, input=json.dumps(wanted).encode(), capture_output=True, check=False
    )
    if done.returncode:
        raise Unavailable(f"Looking through weights failed ({done.returncode}): {done.stderr.decode()[-2000:]}")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        errors = tuple(FieldError.model_validate(error) for error in answer["errors"])
        raise InvalidFile(answer["refused"], errors, **answer["members"])
    return Counted(**answer["counted"])


def main(weights: str, mask: str | None = None) -> None:
    """The child: print the counts, or why there are none."""
    end_with_parent()
    tensors, prunable, zeros = json.load(sys.stdin)
    try:
        values = read_brought(Path(weights), {name: tuple(shape) for name, shape in tensors.items()})
        masks = brought_masks(values, prunable, zeros, Path(mask) if mask else None)
    except InvalidFile as error:
        errors = [one.model_dump(mode="json") for one in error.errors]
        answer: dict[str, object] = {"refused": error.detail, "errors": errors, "members": error.members}
    else:
        size = sum(kept.size for kept in masks.values())
        answer = {"counted": {"zeros": size - sum(int(kept.sum()) for kept in masks.values()), "prunable": size}}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
