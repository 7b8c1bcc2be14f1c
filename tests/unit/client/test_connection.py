import httpx
import pytest

from tests.support.fake_service import URL, FakeService, job, problem
from winnow.client import Client, ClientError, Damaged, Refused, Unreachable


def test_the_key_goes_with_every_request() -> None:
    service = FakeService()
    service.on("GET", "/v1/jobs/job_1", httpx.Response(200, json=job()))

    with service.client() as client:
        assert client.job("job_1").progress.fraction == 0.25

    assert service.requests[0].headers["Authorization"] == "Bearer a-key"


def test_nothing_there_is_told_kindly() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(Unreachable, match="is `winnow serve` running"):
        client.job("job_1")


NO_ADDRESSES = ("", "localhost:8000", "http://localhost:abc", "ftp://here", "http://", "http://a..b", "http://xn--:1")


@pytest.mark.parametrize("url", [*NO_ADDRESSES, "http://a b", "http://here/?a=b"])
def test_what_is_no_address_is_told_at_once(url: str) -> None:
    with pytest.raises(ClientError, match="it looks like http://HOST:PORT"):
        Client(url)


def test_a_problem_is_raised_with_all_it_says() -> None:
    service = FakeService()
    errors = [{"loc": ["target", "sparsity"], "msg": "must be below 1", "hint": "try 0.98"}]
    service.on("POST", "/v1/jobs", problem(422, "The spec cannot be met.", errors))

    with service.client() as client, pytest.raises(Refused) as refusal:
        client.submit({"kind": "prune"})

    assert refusal.value.problem.status == 422
    assert str(refusal.value) == "The spec cannot be met.\n  target.sparsity: must be below 1 (try 0.98)"


def test_an_error_from_something_else_says_so() -> None:
    service = FakeService()
    service.on("GET", "/v1/jobs/job_1", httpx.Response(502, text="<html>Bad Gateway</html>"))

    with service.client() as client, pytest.raises(Refused, match=r"502.*not as Winnow does"):
        client.job("job_1")


def test_an_answer_from_something_else_says_so() -> None:
    service = FakeService()
    service.on("GET", "/v1/jobs/job_1", httpx.Response(200, text="<html>Welcome to nginx</html>"))

    with service.client() as client, pytest.raises(Damaged, match="is the address right"):
        client.job("job_1")


def test_a_lost_answer_to_a_submission_is_asked_for_again_under_the_same_key() -> None:
    service = FakeService()
    service.on("POST", "/v1/jobs", httpx.ReadError("reset"), httpx.Response(202, json=job("queued")))

    with service.client() as client:
        assert client.submit({"kind": "prune"}).state == "queued"

    keys = [request.headers["Idempotency-Key"] for request in service.requests]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_what_is_not_safe_to_repeat_is_not_repeated() -> None:
    service = FakeService()
    service.on("POST", "/v1/jobs/job_1/cancel", httpx.ReadError("reset"), httpx.Response(202, json=job()))

    with service.client() as client, pytest.raises(Unreachable, match="broke"):
        client.cancel("job_1")

    assert len(service.requests) == 1


def test_lists_are_read_page_by_page() -> None:
    service = FakeService()
    first = {"items": [job(id="job_2")], "next": "here"}
    service.on(
        "GET", "/v1/jobs", httpx.Response(200, json=first), httpx.Response(200, json={"items": [job()], "next": None})
    )

    with service.client() as client:
        assert [found.id for found in client.jobs(state="running")] == ["job_2", "job_1"]

    assert [str(request.url) for request in service.requests] == [
        f"{URL}/v1/jobs?state=running",
        f"{URL}/v1/jobs?state=running&cursor=here",
    ]
