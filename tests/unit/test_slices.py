"""A recipe's job in slices: what is not kept yet is done, with what it begins with, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.sources import ROOT

SENT: dict[str, Any] = {
    "kind": "prune",
    "dataset": "digits",
    "model": "digits_cnn",
    "target": {"sparsity": 0.5},
    "train": {"steps": 3},
    "method": {"schedule": "one_shot"},
    "arms": ["ticket", "random_mask"],
    "replicates": 2,
}


def test_slices_add_up_and_what_is_kept_is_done_again_only_where_something_begins_with_it(tmp_path: Path) -> None:
    (tmp_path / "some.json").write_text(json.dumps(SENT))

    def say(script: str, *words: str) -> str:
        program = [sys.executable, str(ROOT / "recipes" / script), *words]
        done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = say("slices.py", "some.json", "first", "0").splitlines()
    assert [line.split()[0] for line in first] == ["train", "level", "control"]
    assert "3 of 6 units" in say("report.py", "keep", "some.json", "first", "kept.json")

    kept = json.loads((tmp_path / "kept.json").read_text())
    control = first[2].split()[1]
    kept["results"] = {key: found for key, found in kept["results"].items() if not key.startswith(control)}
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    again = say("slices.py", "some.json", "again", "0", "1", "--kept", "kept.json").splitlines()
    of_replicate_0 = [line for line in again if line.split()[1] in "".join(first)]
    assert [line.endswith(", again, as it was") for line in of_replicate_0] == [True, True, False]
    assert of_replicate_0[2].endswith(", new")
    assert len(again) == 6
    assert "6 of 6 units" in say("report.py", "keep", "some.json", "again", "kept.json")
    assert say("slices.py", "some.json", "other", "0", "1", "--kept", "kept.json") == ""
