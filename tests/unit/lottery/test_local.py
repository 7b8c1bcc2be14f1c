import csv
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.lottery import digits_job
from winnow.artifact.certificate import read_certificate
from winnow.artifact.digest import file_ref
from winnow.contract.problems import Conflict
from winnow.contract.results import Check, UnitResult
from winnow.lottery import units
from winnow.lottery.folder import Folder
from winnow.lottery.local import Status, run_job
from winnow.lottery.units import Stop, Warm
from winnow.plan import Resolved, places

ROOT = Path(__file__).parents[3]


def quietly(_status: Status) -> None:
    """Nobody watches."""


def files_of(out: Path) -> dict[str, object]:
    """Everything that must not differ: each file of each unit but the times in its result, and the certificate."""
    found: dict[str, object] = {
        str(path.relative_to(out)): file_ref(path) for path in out.glob("units/*/*") if path.name != "result.json"
    }
    return found | {name: file_ref(out / name) for name in ("certificate.json", "table.json", "table.csv")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    run_job(digits_job(), out, Warm(None), quietly)
    return out


def test_a_job_leaves_units_certificate_and_table(finished: Path) -> None:
    job = digits_job()
    assert {path.name for path in (finished / "units").iterdir()} == {place.unit.key for place in places(job, {})}
    assert all(check["ok"] for check in read_certificate(finished / "certificate.json")["audit"])
    rows = json.loads((finished / "table.json").read_bytes())
    assert [(row["level"], row["arm"]) for row in rows] == [
        (0, "dense"),
        *((level, arm) for level in (1, 2) for arm in ("ticket", "random_reinit", "random_mask")),
    ]
    with (finished / "table.csv").open(newline="") as file:
        assert [int(row["zeros"]) for row in csv.DictReader(file)] == [row["zeros"] for row in rows]
    assert all(0 <= row["test_accuracy"] <= row["test_top5_accuracy"] <= 1 for row in rows)
    assert all(0 <= row["test_calibration_error"] <= 1 and row["test_coarse_accuracy"] is None for row in rows)
    assert {row["macs_dense"] for row in rows} == {rows[0]["macs_effective"]}
    assert rows[1]["macs_effective"] < rows[0]["macs_effective"]
    assert all(row[f"{split}_loss"] > 0 for row in rows for split in ("train", "validation", "test"))
    assert all(row["parameters"] == row["nonzeros"] + row["zeros"] for row in rows)
    assert not any((finished / "work").iterdir())


def test_what_exists_is_not_done_again(finished: Path) -> None:
    def refuse(_status: Status) -> None:
        raise AssertionError("a unit was done again")

    before = files_of(finished)
    run_job(digits_job(), finished, Warm(None), refuse)
    assert files_of(finished) == before


def test_a_deeper_target_trains_only_what_lies_beyond_the_last_shared_level(tmp_path: Path) -> None:
    """0.4 and 0.64 are on the grid of the rate, 0.5 is a cut: a deeper job goes on from the level before it."""
    done: list[str] = []

    def note(status: Status) -> None:
        if status.unit.key not in done:
            done.append(status.unit.key)

    def keys(job: Resolved) -> set[str]:
        return {place.unit.key for place in places(job, {})}

    on_the_way, deeper = digits_job(arms=["ticket"]), digits_job(arms=["ticket"], target={"sparsity": 0.64})
    run_job(on_the_way, tmp_path, Warm(None), note)
    first = set(done)
    done.clear()
    run_job(deeper, tmp_path, Warm(None), note)

    assert first == keys(on_the_way)
    assert set(done) == keys(deeper) - keys(on_the_way)
    assert len(done) == 1


def test_stopped_from_outside_and_run_again_it_ends_in_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    calls, ends = 0, 0

    def stop_now_and_then(_status: Status) -> None:
        nonlocal calls
        calls += 1
        if calls % 7 == 0:
            raise Stop(checkpoint=True)

    while True:
        try:
            run_job(digits_job(), tmp_path, Warm(None), stop_now_and_then)
            break
        except Stop:
            ends += 1
    assert ends >= 2
    assert files_of(tmp_path) == files_of(finished)


PROGRAM = """
import sys
from pathlib import Path
from winnow.lottery.folder import Folder
from winnow.lottery.local import run_job
from winnow.lottery.units import Warm
from tests.support.lottery import digits_job
run_job(digits_job(), Path(sys.argv[1]), Warm(None), lambda status: print(status.unit.key, flush=True))
"""


def test_killed_and_run_again_it_ends_in_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle of the first level, then of a control: no unit that was done is done twice."""
    for kills in (2, 4):
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        seen: list[str] = []
        while len(seen) < kills:
            line = child.stdout.readline()
            assert line, "it ended before it was killed"
            if line not in seen:
                seen.append(line)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()

    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "units").iterdir()}
    assert before
    run_job(digits_job(), tmp_path, Warm(None), quietly)

    assert files_of(tmp_path) == files_of(finished)
    assert {name: (tmp_path / "units" / name).stat().st_mtime_ns for name in before} == before


@pytest.mark.parametrize("harm", ["truncated", "missing", "changed", "no result"])
def test_a_damaged_unit_is_done_again(harm: str, finished: Path, tmp_path: Path) -> None:
    run_job(digits_job(arms=["ticket"]), tmp_path, Warm(None), quietly)
    folder = next(path for path in (tmp_path / "units").iterdir() if (path / "state-5.safetensors").exists())
    weights = folder / "weights.safetensors"
    data = weights.read_bytes()
    match harm:
        case "truncated":
            os.truncate(weights, 100)
        case "missing":
            weights.unlink()
        case "changed":
            weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case "no result":
            (folder / "result.json").write_text('{"metrics": ')

    run_job(digits_job(arms=["ticket"]), tmp_path, Warm(None), quietly)

    assert weights.read_bytes() == data
    assert (finished / "units" / folder.name / "weights.safetensors").read_bytes() == data


def test_a_failed_audit_leaves_no_certificate_nor_that_of_the_job_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = digits_job(arms=["ticket"])
    assert not run_job(asked, tmp_path, Warm(None), quietly).failed_checks
    assert (tmp_path / "certificate.json").exists()

    def with_a_failure(*of: Any) -> UnitResult:
        result = units.run(*of)
        return result.model_copy(update={"checks": (*result.checks, Check(name="made_up", ok=False, evidence="so"))})

    monkeypatch.setattr("winnow.lottery.local.run", with_a_failure)
    outcome = run_job(digits_job(arms=["ticket"], seed=1), tmp_path, Warm(None), quietly)
    assert {check.name for check in outcome.failed_checks} == {"made_up"}
    assert not (tmp_path / "certificate.json").exists()


def test_what_is_no_unit_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "units" / "mine").mkdir(parents=True)
    (tmp_path / "units" / "mine" / "code.py").write_text("1")
    (tmp_path / "units" / ".DS_Store").write_bytes(b"")
    (tmp_path / "units" / ("0" * 64)).mkdir()
    assert Folder(tmp_path).results() == {}
    assert sorted(path.name for path in (tmp_path / "units").iterdir()) == [".DS_Store", "mine"]
    assert (tmp_path / "units" / "mine" / "code.py").read_text() == "1"


def test_two_runs_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="Another run"):
            run_job(digits_job(), tmp_path, Warm(None), quietly)


def test_the_watcher_sees_units_levels_and_points_grow(tmp_path: Path) -> None:
    seen: list[Status] = []
    run_job(digits_job(), tmp_path, Warm(None), seen.append)
    assert [status.progress.units_done for status in seen] == sorted(status.progress.units_done for status in seen)
    assert {len(status.levels) for status in seen} == {0, 1, 2, 3}
    assert all(0 <= status.unit_fraction <= 1 for status in seen)
    assert any(status.point and status.point.step == 12 for status in seen)


def test_checkpoints_are_taken_every_ten_seconds_at_most(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    unit = places(digits_job(), {})[0].unit
    workspace = folder.workspace(unit, {}, lambda _done, _of, _point: None)
    started = time.monotonic()
    workspace.checkpoint(lambda: b"early")
    assert time.monotonic() - started < 10, "this machine is too slow for this test"
    assert workspace.restore() is None
    workspace.checkpoint(lambda: b"now", now=True)
    assert workspace.restore() == b"now"
    (checkpoint,) = (path for path in workspace.folder.iterdir() if path.is_file())
    for torn in (b"", checkpoint.read_bytes()[:-1]):
        checkpoint.write_bytes(torn)
        assert workspace.restore() is None, "it begins anew, and comes to the same bytes"
