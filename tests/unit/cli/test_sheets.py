"""Everything that a job measured, in the three forms of the command line."""

import csv
import io
import json
from typing import Any

import httpx
import pytest

from tests.support.fake_service import FakeService
from winnow.cli.main import run
from winnow.contract.sheets import FIELDS


def row(**members: Any) -> dict[str, Any]:
    """A row of a job's table."""
    measured = dict.fromkeys(FIELDS) | {"level": 1, "arm": "ticket", "replicate": 0, "sparsity": 0.5, "density": 0.5}
    counted = {"zeros": 5, "prunable": 10, "total_steps": 3, "test_accuracy": 0.91234, "macs_effective": 12345}
    return measured | counted | members


CURVE = {"at": None, "arm": "dense", "replicate": 2, "level": 0, "name": "test_loss", "x": [5, 10], "y": [0.7, None]}


def test_a_table_shows_what_was_measured_beyond_accuracy(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.on("GET", "/v1/jobs/job_1/table", httpx.Response(200, json={"rows": [row(test_top5_accuracy=0.99), row()]}))
    assert run(["jobs", "table", "job_1"]) == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("top 5", "99.00%", "–", "MACs", "12,345", "91.23%"))
    assert "coarse" not in shown, "no row has it"


def test_csv_and_json_hold_every_column(service: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(at={"train.optimizer.lr": 0.1})]
    service.on("GET", "/v1/jobs/job_1/table", httpx.Response(200, json={"rows": rows}))
    assert run(["jobs", "table", "job_1", "--csv"]) == 0
    names, cells = csv.reader(io.StringIO(capsys.readouterr().out))
    assert names == ["train.optimizer.lr", *FIELDS]
    assert cells[:3] == ["0.1", "1", "ticket"]
    assert run(["jobs", "table", "job_1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == rows


def test_curves_end_somewhere_and_have_every_point_as_csv(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.on("GET", "/v1/jobs/job_1/metrics", httpx.Response(200, json={"series": [CURVE]}))
    assert run(["jobs", "curves", "job_1"]) == 0
    assert "test_loss" in capsys.readouterr().out
    assert run(["jobs", "curves", "job_1", "--csv"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "arm,replicate,level,name,x,y,unit",
        "dense,2,0,test_loss,5,0.7,",
        "dense,2,0,test_loss,10,,",
    ]
    assert run(["jobs", "curves", "job_1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [CURVE | {"unit": None}]


@pytest.mark.parametrize(("verb", "path", "answer"), [("table", "table", "rows"), ("curves", "metrics", "series")])
def test_a_job_that_has_measured_nothing_yet_says_so(
    verb: str, path: str, answer: str, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.on("GET", f"/v1/jobs/job_1/{path}", httpx.Response(200, json={answer: []}))
    assert run(["jobs", verb, "job_1"]) == 0
    assert "yet." in capsys.readouterr().out
