"""Looking through a data set in a process of its own: what it takes in memory and time is not the API's.

    python -m app.datasets.inspection zip|npz|folder PATH [HEIGHT WIDTH]

A hundred thousand small pictures in a zip take minutes of pure Python and 100 MB, which a thread would take from all
other requests. The child sees neither settings nor credentials, and answers in one line of JSON. When its parent is
gone nobody wants the answer, and it ends.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Literal

from winnow.artifact.uploads import UploadFacts, inspect_folder, inspect_npz, inspect_zip
from winnow.contract.problems import InvalidFile, Unavailable
from winnow.parent import end_with_parent

Kind = Literal["zip", "npz", "folder"]
Size = tuple[int, int]
_CHECKOUT = Path(__file__).parents[2]


def inspected(kind: Kind, path: Path, size: Size | None = None) -> UploadFacts:
    """The facts of a data set. Raises InvalidFile, and Unavailable where nobody could look."""
    asked = [sys.executable, "-m", "app.datasets.inspection", kind, str(path), *map(str, size or ())]
    # Its own interpreter and module; an empty environment, as what it reads comes from strangers.
    done = subprocess.run(asked, cwd=_CHECKOUT, env={}, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise Unavailable(f"Looking through an upload failed ({done.returncode}): {done.stderr.decode()[-2000:]}")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise InvalidFile(answer["refused"])
    return UploadFacts.model_validate(answer["facts"])


def main(kind: str, path: str, *size: str) -> None:
    """The child: print the facts, or why there are none."""
    end_with_parent()
    try:
        facts = _look(kind, Path(path), (int(size[0]), int(size[1])) if size else None)
    except InvalidFile as error:
        answer: dict[str, object] = {"refused": error.detail}
    else:
        answer = {"facts": facts.model_dump(mode="json")}
    sys.stdout.write(json.dumps(answer))


def _look(kind: str, path: Path, size: Size | None) -> UploadFacts:
    if kind == "zip":
        return inspect_zip(path, size)
    return inspect_npz(path) if kind == "npz" else inspect_folder(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
