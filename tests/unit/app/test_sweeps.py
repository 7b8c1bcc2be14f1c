"""Sweeps over HTTP: one job, its points one after the other, and what each of them found."""

import csv
import io
from typing import Any

import pytest

from tests.support.api import Api, is_problem
from tests.support.sweeps import JOB

SWEEP = JOB | {"sweep": {"dataset.fraction": [0.5, 1.0], "seed": [0, 1]}}
UNITS = 4 * 3


def shown(api: Api, job_id: str, below: str = "") -> dict[str, Any]:
    answer = api.get(f"/v1/jobs/{job_id}{below}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_points_end_one_after_the_other_and_then_the_job(api: Api) -> None:
    api.driver.register()
    job = api.submit(SWEEP)
    assert [point["state"] for point in job["points"]] == ["queued"] * 4
    assert job["points"][2]["at"] == {"dataset.fraction": 1.0, "seed": 0}
    assert (job["levels"], job["result"], job["progress"]["units_total"]) == ([], None, UNITS)
    while api.driver.work():
        pass
    done = shown(api, job["id"])
    assert done["state"] == "succeeded", done["error"]
    assert (done["levels"], done["result"], done["progress"]["units_done"]) == ([], None, UNITS)
    assert [point["state"] for point in done["points"]] == ["succeeded"] * 4
    models = {point["result"]["target"]["model_id"] for point in done["points"]}
    assert len(models) == 4
    certificate = shown(api, job["id"], "/certificate")
    assert [point["at"] for point in certificate["points"]] == [point["at"] for point in done["points"]]
    assert certificate["asked"]["sweep"] == SWEEP["sweep"]


def test_rows_curves_and_events_say_their_point(api: Api) -> None:
    api.driver.register()
    job = api.submit(SWEEP)["id"]
    while api.driver.work():
        pass
    at = [point["at"] for point in shown(api, job)["points"]]
    rows = shown(api, job, "/table")["rows"]
    assert [row["at"] for row in rows] == [one for one in at for _ in range(3)]
    answer = api.http.get(f"/v1/jobs/{job}/table", headers={"accept": "text/csv"})
    sheet = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["dataset.fraction"], row["seed"]) for row in sheet[::3]] == [
        ("0.5", "0"),
        ("0.5", "1"),
        ("1.0", "0"),
        ("1.0", "1"),
    ]
    answer = api.http.get(f"/v1/jobs/{job}/events", headers={"accept": "application/json"}, params={"limit": 200})
    levels = [event for event in answer.json()["items"] if event["event"] == "level"]
    for one in at:
        assert [event["level"] for event in levels if event["point"] == one] == [0, 1, 2]
    assert len(levels) == UNITS


def test_a_sweep_shares_with_jobs_sent_before_it(api: Api) -> None:
    api.driver.register()
    api.submit(JOB | {"seed": 1})
    while api.driver.work():
        pass
    job = api.submit(SWEEP)
    assert job["progress"]["units_done"] == 3
    assert [point["state"] for point in job["points"]] == ["queued", "queued", "queued", "succeeded"]


def test_cancel_ends_all_points_and_what_they_found_stays(api: Api) -> None:
    api.driver.register()
    job = api.submit(SWEEP)["id"]
    api.driver.work(at_most=9)
    running = api.driver.take()
    answer = api.http.post(f"/v1/jobs/{job}/cancel")
    assert answer.json()["state"] == "cancelled"
    states = [point["state"] for point in answer.json()["points"]]
    assert sorted(states) == ["cancelled", "cancelled", "cancelled", "succeeded"]
    assert api.driver.heartbeat(running) == "stop"
    assert api.driver.work() == 0


def test_a_sweep_has_no_one_model_to_ask(api: Api) -> None:
    api.driver.register()
    job = api.submit(SWEEP)["id"]
    while api.driver.work():
        pass
    answer = api.http.post(f"/predict?model={job}", json={"instances": [[[0] * 8] * 8]})
    assert is_problem(answer, 409, "each of its points has a model")


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        ({"target.sparsity": [0.5, 1.0]}, "At target.sparsity = 1: target.sparsity"),
        ({"dataset.fractoin": [0.5]}, "no such field"),
        ({"dataset": ["digits", "digitz"]}, "digitz"),
        ({"model": ["lenet_300_100", "lenet"]}, "Did you mean"),
        ({"kind": ["train"]}, "the same at all points"),
        ({"seed": list(range(300))}, "200 are the most"),
        ({}, "sweep"),
        ([1], "sweep"),
    ],
    ids=repr,
)
def test_a_sweep_with_a_point_that_cannot_be_done_is_refused_whole(api: Api, sweep: Any, says: str) -> None:
    answer = api.http.post("/v1/jobs", json=JOB | {"sweep": sweep})
    assert is_problem(answer, 422, says)
    assert api.get("/v1/jobs").json()["items"] == []
