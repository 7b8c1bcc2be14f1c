"""Jobs over HTTP: taken in once, shown as they are, read while they run, cancelled."""

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.api import Api, is_problem, until
from tests.support.driver import prune, train
from winnow.artifact.certificate import read_certificate
from winnow.contract.resources import Curves, Job, Page, Table
from winnow.contract.results import Point
from winnow.db.tables import jobs

TRAIN = train()


ANY_SIZE = {"cores": None, "gpus": None}


def test_a_job_is_taken_in_and_waits_for_a_worker(api: Api) -> None:
    answer = api.http.post("/v1/jobs", json=TRAIN)
    assert answer.status_code == 202
    job = Job.model_validate_json(answer.content)
    assert answer.headers["location"] == f"/v1/jobs/{job.id}"
    assert (job.state, job.queue_position, job.progress.units_total) == ("queued", 1, 1)
    assert answer.json()["waiting"] == ANY_SIZE | {"for": "worker", "resource": "cpu"}
    assert job.spec["train"]["epochs"] == 20
    assert api.get(answer.headers["location"]).json() == answer.json()


def test_a_job_rings_the_bell(api: Api) -> None:
    bell = api.settings.home / "bell"
    assert not list(bell.iterdir())
    api.submit(TRAIN)
    until(lambda: len(list(bell.iterdir())) == 1, "a message after the answer")


def test_a_live_worker_without_a_free_slot_is_waited_for(api: Api) -> None:
    api.driver.register()
    first, second = api.submit(TRAIN), api.submit(train(seed=1))
    api.driver.take()
    assert api.get(f"/v1/jobs/{first['id']}").json()["waiting"] is None
    shown = api.get(f"/v1/jobs/{second['id']}").json()
    assert (shown["queue_position"], shown["waiting"]) == (1, ANY_SIZE | {"for": "slot", "resource": "cpu"})


def test_five_jobs_know_their_places_in_the_queue(api: Api) -> None:
    ids = [api.submit(train(seed=seed))["id"] for seed in range(5)]
    assert [api.get(f"/v1/jobs/{job}").json()["queue_position"] for job in ids] == [1, 2, 3, 4, 5]
    assert [job["queue_position"] for job in api.get("/v1/jobs").json()["items"]] == [5, 4, 3, 2, 1]


def test_a_job_for_a_gpu_that_is_not_there_waits_and_says_for_what(api: Api) -> None:
    job = api.submit(train(resource="gpu"))
    assert (job["state"], job["waiting"]) == ("queued", ANY_SIZE | {"for": "worker", "resource": "gpu"})


@pytest.mark.parametrize("resource", ["cpu", "gpu"])
def test_auto_takes_a_gpu_where_a_live_worker_has_one(api: Api, resource: str) -> None:
    api.driver.register(resource=resource)
    assert api.submit(train(resource="auto"))["spec"]["resource"] == resource


def test_a_key_sent_again_gets_the_first_job(api: Api) -> None:
    first = api.submit(TRAIN, **{"Idempotency-Key": "once"})
    again = api.http.post("/v1/jobs", json=TRAIN, headers={"Idempotency-Key": "once"})
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert again.headers["location"] == f"/v1/jobs/{first['id']}"
    other = api.http.post("/v1/jobs", json=train(seed=7), headers={"Idempotency-Key": "once"})
    is_problem(other, 422, "another body")
    assert len(api.driver.all(jobs.select())) == 1


def test_one_key_at_once_makes_one_job(api: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: api.submit(TRAIN, **{"Idempotency-Key": "k"})["id"], range(8)))
    assert len(ids) == 1


def test_a_key_that_is_no_text_of_one_line_is_refused(api: Api) -> None:
    is_problem(api.http.post("/v1/jobs", json=TRAIN, headers={"Idempotency-Key": "a b"}), 422, "Idempotency-Key")


def test_jobs_are_listed_page_by_page_newest_first(api: Api) -> None:
    ids = [api.submit(train(seed=seed))["id"] for seed in range(5)]
    seen, cursor = [], None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = Page[Job].model_validate_json(api.get("/v1/jobs", params=params).content)
        seen += [job.id for job in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == ids[::-1]


def test_jobs_are_filtered_by_state_and_kind(api: Api) -> None:
    one, two = api.submit(TRAIN), api.submit(prune(0.2))
    api.http.post(f"/v1/jobs/{one['id']}/cancel")
    assert [job["id"] for job in api.get("/v1/jobs?state=cancelled").json()["items"]] == [one["id"]]
    assert [job["id"] for job in api.get("/v1/jobs?kind=prune").json()["items"]] == [two["id"]]
    assert api.get("/v1/jobs?kind=train&state=queued").json() == {"items": [], "next": None}


def test_levels_show_as_they_are_finished(api: Api) -> None:
    api.driver.register()
    job = api.submit(prune(0.36, "random_reinit", replicates=3))
    api.driver.work(at_most=4)
    shown = Job.model_validate_json(api.get(f"/v1/jobs/{job['id']}").content)
    assert shown.state == "running"
    assert [row.level for row in shown.levels] == [0, 1]
    assert 0 < shown.progress.fraction < 1
    assert shown.progress.eta_seconds is not None
    api.driver.work()
    done = Job.model_validate_json(api.get(f"/v1/jobs/{job['id']}").content)
    assert (done.state, done.progress.fraction, len(done.levels)) == ("succeeded", 1.0, 3)
    assert done.result is not None
    assert done.result.target.level == 2


def test_a_job_whose_units_are_done_succeeds_at_once(api: Api) -> None:
    api.driver.register()
    api.submit(prune(0.2))
    api.driver.work()
    again = api.submit(prune(0.2))
    assert (again["state"], again["started_at"], again["progress"]["fraction"]) == ("succeeded", None, 1.0)


def test_cancel_stops_a_job_once(api: Api) -> None:
    job = api.submit(TRAIN)
    first = api.http.post(f"/v1/jobs/{job['id']}/cancel")
    assert (first.status_code, first.json()["state"]) == (202, "cancelled")
    second = api.http.post(f"/v1/jobs/{job['id']}/cancel")
    assert (second.status_code, second.json()) == (200, first.json())


def test_the_table_comes_as_json_and_as_csv(api: Api) -> None:
    api.driver.register()
    job = api.submit(prune(0.2, "random_mask"))
    api.driver.work()
    path = f"/v1/jobs/{job['id']}/table"
    rows = Table.model_validate_json(api.get(path).content).rows
    assert [(row.level, row.arm) for row in rows] == [(0, "dense"), (1, "ticket"), (1, "random_mask")]
    sheet = api.get(path, headers={"Accept": "text/csv"})
    assert sheet.headers["content-type"].startswith("text/csv")
    read = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [float(row["test_accuracy"]) for row in read] == [row.test_accuracy for row in rows]
    assert read[2]["model_id"] == ""
    assert read[2]["test_top5_accuracy"] == "", "it was not measured"
    assert [int(row["nonzeros"]) for row in read] == [2000, 2000 - rows[1].zeros, 2000 - rows[2].zeros]


def test_curves_come_as_json_and_as_csv_also_while_a_unit_runs(api: Api) -> None:
    api.driver.register()
    job = api.submit(TRAIN)
    held = api.driver.take()
    api.driver.heartbeat(held, 0.5, Point(step=3, values={"loss": float("nan"), "accuracy": 0.5}))
    path = f"/v1/jobs/{job['id']}/metrics"
    series = {one.name: one for one in Curves.model_validate_json(api.get(path).content).series}
    assert (series["accuracy"].arm, series["accuracy"].x, series["accuracy"].y) == ("dense", (3,), (0.5,))
    assert series["loss"].y == (None,)
    sheet = api.get(path, headers={"Accept": "text/csv"}).text.splitlines()
    key = held.unit.key
    rows = [f"dense,0,0,accuracy,3,0.5,{key}", f"dense,0,0,loss,3,,{key}"]
    assert sheet == ["arm,replicate,level,name,x,y,unit", *rows]


def test_curves_of_two_networks_can_be_told_apart_also_of_jobs_one_before_the_other(api: Api) -> None:
    api.driver.register()
    job = api.submit(prune(0.36) | {"model": {"job": prune(0.2)}})
    for _ in range(4):
        held = api.driver.take()
        api.driver.heartbeat(held, 0.5, Point(step=3, values={"accuracy": 0.5}))
        api.driver.finish(held)
    found = Curves.model_validate_json(api.get(f"/v1/jobs/{job['id']}/metrics").content).series
    series = [one for one in found if one.name == "accuracy"]
    assert len({one.unit for one in series}) == len(series) == 4
    assert sum((one.arm, one.level) == ("dense", 0) for one in series) == 2


def test_the_certificate_is_there_after_the_end_as_it_was_written(api: Api) -> None:
    api.driver.register()
    job = api.submit(prune(0.2))
    path = f"/v1/jobs/{job['id']}/certificate"
    is_problem(api.get(path), 409, "queued", "comes with its success")
    api.driver.work()
    kept = api.settings.home / "certificate.json"
    kept.write_bytes(api.get(path).content)
    assert read_certificate(kept)["asked"]["target"] == {"sparsity": 0.2}
    cancelled = api.submit(train(seed=9))
    api.http.post(f"/v1/jobs/{cancelled['id']}/cancel")
    is_problem(api.get(f"/v1/jobs/{cancelled['id']}/certificate"), 409, "only a job that succeeds")


def test_a_failed_job_says_why(api: Api) -> None:
    api.driver.register()
    job = api.submit(TRAIN)
    held = api.driver.take()
    api.driver.fail(held, detail="the disk is full of cats")
    api.driver.settle(held)
    shown = api.get(f"/v1/jobs/{job['id']}").json()
    assert (shown["state"], shown["reason"]) == ("failed", "bug")
    assert shown["error"]["detail"] == "the disk is full of cats"
    assert (shown["error"]["unit"], shown["error"]["attempt"]) == (held.unit.key, 1)


@pytest.mark.parametrize("below", ["", "/events", "/metrics", "/table", "/certificate"])
def test_a_job_that_is_not_there_is_not_found(api: Api, below: str) -> None:
    is_problem(api.get(f"/v1/jobs/job_0{below}"), 404, "There is no job 'job_0'")


def test_a_job_that_is_not_there_cannot_be_cancelled(api: Api) -> None:
    is_problem(api.http.post("/v1/jobs/job_0/cancel"), 404, "There is no job")


def test_what_was_sent_is_kept_as_it_was(api: Api) -> None:
    job = api.submit(prune(0.3, margin=0.1))
    assert api.driver.job(job["id"]).sent == json.loads(json.dumps(prune(0.3, margin=0.1)))
