"""What a job comes to when nobody disturbs it: `winnow.lottery.local` in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.workers import CHECKOUT

PROGRAM = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
from winnow.lottery.numerics import environment
os.environ.update(environment(1))
from tests.support.workers import resolved
from winnow.lottery.local import run_job
from winnow.lottery.units import Warm
run_job(resolved(json.loads(sys.argv[1])), Path(sys.argv[2]), Warm(None), lambda status: None)
"""


def local_hashes(spec: Mapping[str, Any], out: Path) -> dict[tuple[str, str], str]:
    """(unit, file name) → SHA-256 of all that `run_job` leaves for the spec."""
    subprocess.run([sys.executable, "-c", PROGRAM, json.dumps(spec), str(out)], cwd=CHECKOUT, check=True)
    return hashes_in(out)


def hashes_in(out: Path) -> dict[tuple[str, str], str]:
    """The same of all that lies in a folder."""
    found = {}
    for path in (out / "units").glob("*/result.json"):
        for name, ref in json.loads(path.read_text())["files"].items():
            found[path.parent.name, name] = ref["sha256"]
    return found
