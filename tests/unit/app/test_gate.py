"""What holds for every route: problem details, safe headers, the key, the request's id, the last resort."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from tests.support.api import NPZ, Api, array_npz, is_problem, until
from winnow.contract.catalog.architectures import ARCHITECTURES

KEY = "a long secret"


def test_what_is_not_there_says_where_to_look(api: Api) -> None:
    assert is_problem(api.get("/v1/nope"), 404, "/v1/nope", "/docs")["type"] == "urn:winnow:problem:not-found"
    is_problem(api.get("/v1/jobs/"), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/jobs", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("DELETE", "/v1/models/x/files/y", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_there_names_those_that_are(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.http.request(method, path)
    is_problem(answer, 405, allowed)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/healthz", "/v1/jobs", "/openapi.json", "/nope"])
def test_head_is_get_without_its_body(api: Api, path: str) -> None:
    head, get = api.http.head(path), api.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == get.headers["content-length"]


def test_head_of_an_endless_stream_ends(api: Api) -> None:
    job = api.submit({"kind": "train", "dataset": "digits", "model": "lenet_300_100"})
    answer = api.http.head(f"/v1/jobs/{job['id']}/events")
    assert (answer.status_code, answer.content) == (200, b"")
    until(lambda: not api.parts.feed._watches, "the end of the watch")


def test_unknown_parameters_are_refused_with_a_guess(api: Api) -> None:
    found = is_problem(api.get("/v1/jobs?stat=queued"), 422, "Did you mean 'state'?")
    assert found["errors"] == [
        {
            "loc": ["query", "stat"],
            "msg": "there is no such parameter",
            "hint": "Did you mean 'state'? Known are: cursor, kind, limit, state.",
        }
    ]
    is_problem(api.get("/healthz?x=1"), 422, "Leave it out")
    is_problem(api.get("/v1/jobs?limit=1&limit=2"), 422, "given twice")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "state=done", "kind=x", "cursor=x", "cursor=WzFd4"]
)
def test_parameters_that_mean_nothing_are_refused(api: Api, query: str) -> None:
    found = is_problem(api.get(f"/v1/jobs?{query}"), 422)
    assert found["errors"][0]["loc"] == ["query", query.partition("=")[0]]


@pytest.mark.parametrize("path", ["/v1/jobs/%00", "/v1/models?job=%00", "/v1/datasets/a%00b"])
def test_a_nul_in_the_address_is_refused(api: Api, path: str) -> None:
    is_problem(httpx.get(api.url + path, trust_env=False), 400, "NUL")


def test_every_answer_has_an_id_and_is_what_it_says(api: Api) -> None:
    for path in ("/healthz", "/nope", "/docs"):
        answer = api.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.headers["x-request-id"]) == 32
    assert api.get("/healthz", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert api.get("/healthz", headers={"X-Request-Id": "bad\tone"}).headers["x-request-id"] != "bad\tone"


def test_a_problem_and_the_log_have_the_same_id(api: Api) -> None:
    answer = api.get("/nope")
    request_id = answer.headers["x-request-id"]
    assert answer.json()["instance"] == f"urn:winnow:request:{request_id}"

    def noted() -> list[tuple[int, str]]:
        return [(line["status"], line["log_level"]) for line in api.logs if line.get("request_id") == request_id]

    until(lambda: noted() == [(404, "info")], "a line in the log")


def test_an_error_that_nobody_foresaw_tells_nothing_of_the_inside(api: Api) -> None:
    api.expect_errors = True
    with api.driver.database.write() as conn:
        conn.execute(
            text(
                "INSERT INTO jobs (id, tenant, kind, state, sent, resolved, resource, created_at, last_event,"
                " units_done, units_total, cost_total, fraction, fraction_at_start, levels)"
                " VALUES ('job_bad', 'default', 'train', 'queued', '{}', '{}', 'cpu', 0, 0, 0, 0, 0, 0, 0, '[]')"
            )
        )
    answer = api.get("/v1/jobs/job_bad")
    found = is_problem(answer, 500, "Something went wrong")
    assert found["type"] == "urn:winnow:problem:internal"
    assert "KeyError" not in answer.text
    loud = [entry for entry in api.logs if entry["log_level"] == "error"]
    assert [entry["request_id"] for entry in loud] == [answer.headers["x-request-id"]]
    assert loud[0]["exc_info"]


def test_a_database_that_is_away_is_nobodys_fault(tmp_path: Path) -> None:
    with Api(tmp_path) as api:
        api.parts.database.close()
        api.driver.database.close()
        for file in tmp_path.glob("winnow.db*"):
            file.unlink()
        (tmp_path / "winnow.db").mkdir()
        answer = api.get("/v1/jobs")
        is_problem(answer, 503, "Try again")
        assert answer.headers["retry-after"] == "5"
        assert str(tmp_path) not in answer.text
        found = is_problem(api.get("/readyz"), 503, "The database cannot be used")
        assert found["away"] == ["database"]
        assert api.get("/healthz").json() == {"status": "ok"}


def test_a_store_that_is_away_is_told_by_readyz(tmp_path: Path) -> None:
    with Api(tmp_path, storage_url=f"file://{tmp_path / 'store'}") as api:
        assert api.get("/readyz").json() == {"status": "ok"}
        (tmp_path / "store" / "objects").write_text("no folder")
        assert is_problem(api.get("/readyz"), 503, "The store cannot be used")["away"] == ["store"]


def test_without_the_key_only_probes_are_answered(tmp_path: Path) -> None:
    with Api(tmp_path, api_key=KEY) as api:
        assert api.get("/healthz").status_code == 200
        assert api.get("/readyz").status_code == 200
        for path in ("/v1/jobs", "/metrics", "/docs", "/openapi.json", "/nope"):
            answer = api.get(path)
            is_problem(answer, 401, "Authorization: Bearer")
            assert answer.headers["www-authenticate"] == 'Bearer realm="winnow"'


@pytest.mark.parametrize(
    "sent", ["Bearer wrong", f"Bearer  {KEY}", f"Basic {KEY}", KEY, "Bearer", f"Bearer {KEY}x", "Bearer ä"]
)
def test_only_the_key_opens(tmp_path: Path, sent: str) -> None:
    with Api(tmp_path, api_key=KEY) as api:
        answer = api.get("/v1/jobs", headers=[("Authorization", sent.encode())])
        assert answer.status_code == (200 if sent == f"Bearer  {KEY}" else 401)
        assert api.get("/v1/jobs", headers={"Authorization": f"bearer {KEY}"}).status_code == 200


def test_without_the_key_no_byte_of_a_body_is_read(tmp_path: Path) -> None:
    with Api(tmp_path, api_key=KEY) as api:
        is_problem(api.upload("mine", b"x" * 1_000_000), 401)
        assert not api.left_in_uploads()


def test_docs_are_one_page_that_needs_nothing_else(api: Api) -> None:
    answer = api.get("/docs")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    for told in ("POST /v1/jobs", "GET /v1/models/{model_id}/files/{name}", "PruneSpec", "sparsity", "problem+json"):
        assert told in answer.text
    for outside in ("<script", "src=", "http://", "https://"):
        assert outside not in answer.text


def test_metrics_count_requests_by_route_and_rows_by_state(api: Api) -> None:
    api.driver.register(slots=2)
    for number in range(3):
        api.submit({"kind": "train", "dataset": "digits", "model": "lenet_300_100", "seed": number})
        api.get(f"/v1/jobs/job_{number}")
    api.driver.take()
    posted = 'winnow_http_requests_total{method="POST",route="/v1/jobs",status="202"} 3.0'
    until(lambda: posted in api.get("/metrics").text, "the requests, which are counted when their bells are rung")
    told = api.get("/metrics").text
    for line in (
        'winnow_http_requests_total{method="GET",route="/v1/jobs/{job_id}",status="404"} 3.0',
        'winnow_jobs{state="queued"} 2.0',
        'winnow_jobs{state="running"} 1.0',
        'winnow_units{resource="cpu",state="ready"} 2.0',
        'winnow_workers{resource="cpu"} 1.0',
        'winnow_slots{resource="cpu",state="busy"} 1.0',
        'winnow_slots{resource="cpu",state="free"} 1.0',
    ):
        assert line in told.splitlines()


def test_live_workers_are_listed(api: Api) -> None:
    api.driver.register("one", slots=2)
    api.submit({"kind": "train", "dataset": "digits", "model": "lenet_300_100"})
    api.driver.take()
    (worker,) = api.get("/v1/workers").json()["items"]
    assert {name: worker[name] for name in ("id", "resource", "slots", "cores", "busy", "numerics")} == {
        "id": "one",
        "resource": "cpu",
        "slots": 2,
        "cores": 8,
        "busy": 1,
        "numerics": "cpu-test",
    }


def test_the_catalog_is_what_jobs_accept(api: Api) -> None:
    listed = {item["name"]: item for item in api.get("/v1/architectures").json()["items"]}
    assert {"lenet_300_100", "lenet5", "conv2", "conv4", "conv6", "resnet20", "vgg16", "resnet18"} <= set(listed)
    api.upload("squares", array_npz(side=max(item["smallest"] for item in listed.values())), NPZ)
    for name in listed:
        spec = {"kind": "train", "dataset": "squares", "model": name, "train": {"batch_size": 10}}
        assert api.submit(spec)["spec"]["model"]["name"] == name
    assert api.get("/v1/criteria").json()["items"][0]["name"] == "magnitude"


def test_one_architecture_has_its_layers_too(api: Api) -> None:
    for name in ("lenet_300_100", "torchvision/alexnet"):
        found = api.get(f"/v1/architectures/{name}").json()
        (listed,) = (item for item in api.get("/v1/architectures").json()["items"] if item["name"] == name)
        assert found.pop("layers") == [list(layer) for layer in ARCHITECTURES[name].layers]
        assert found == listed
    is_problem(api.http.get("/v1/architectures/torchvision/alexnett"), 404, "torchvision/alexnet")
