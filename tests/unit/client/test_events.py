import json

import httpx
import pytest

from tests.support.fake_service import FakeService, job, problem, stream
from winnow.client import Event, Refused, following
from winnow.client.events import lines, parse

PATH = "/v1/jobs/job_1/events"


def line(name: str, number: int | None, **data: object) -> str:
    head = f"event: {name}\n" + (f"id: {number}\n" if number else "")
    return f"{head}data: {json.dumps(data)}\n\n"


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)


def test_the_standard_s_forms_are_read() -> None:
    text = ': hello\nevent: level\nid: 3\ndata: {\ndata: "a": 1}\n\nevent:job\ndata:{}\n\ndata: {"cut":'

    assert list(parse(text.split("\n"))) == [None, Event("level", "3", {"a": 1}), Event("job", None, {})]


def test_lines_are_the_same_however_they_arrive() -> None:
    text = "data: Größe\u2028 a\r\nid: 4\n\n".encode()

    assert list(lines(text[i : i + 1] for i in range(len(text)))) == ["data: Größe\u2028 a", "id: 4", ""]


def test_events_end_with_the_job() -> None:
    service = FakeService()
    service.on("GET", PATH, stream(line("progress", None), line("job", 1, state="failed"), line("unit", 2)))

    with service.client() as client:
        assert [event.name for event in client.events("job_1")] == ["progress", "job"]


@pytest.mark.parametrize("cut", [httpx.ReadError("reset"), httpx.RemoteProtocolError("closed"), "", ": bye\n"])
def test_a_stream_that_ends_early_is_taken_up_after_the_last_event(cut: str | Exception) -> None:
    service = FakeService()
    rest = stream(line("job", 8, state="succeeded"))
    service.on("GET", PATH, stream(line("unit", 7), line("progress", None), cut), rest)

    with service.client() as client:
        assert [event.id for event in client.events("job_1")] == ["7", None, "8"]

    assert "Last-Event-ID" not in service.requests[0].headers
    assert service.requests[1].headers["Last-Event-ID"] == "7"


def test_no_content_means_that_nothing_more_comes() -> None:
    service = FakeService()
    service.on("GET", PATH, httpx.Response(204))

    with service.client() as client:
        assert list(client.events("job_1", after="9")) == []


def test_a_service_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 0.05)
    service = FakeService()
    service.on("GET", PATH, httpx.ConnectError("refused"))

    with service.client() as client, pytest.raises(Exception, match="nothing answers"):
        list(client.events("job_1"))


def test_following_yields_the_job_until_its_end() -> None:
    service = FakeService()
    service.on("GET", PATH, stream(line("job", 1, state="running"), line("job", 2, state="succeeded")))
    states = ("queued", "running", "succeeded")
    service.on("GET", "/v1/jobs/job_1", *(httpx.Response(200, json=job(state)) for state in states))

    with service.client() as client:
        assert [seen.state for seen in client.follow("job_1")] == ["queued", "running", "succeeded"]


def test_following_polls_where_no_stream_comes_through() -> None:
    service = FakeService()
    service.on("GET", PATH, problem(406, "no streams here"))
    states = ("running", "running", "cancelled")
    service.on("GET", "/v1/jobs/job_1", *(httpx.Response(200, json=job(state)) for state in states))

    with service.client() as client:
        assert [seen.state for seen in client.follow("job_1")] == list(states)


def test_following_lives_through_a_restart_of_the_service() -> None:
    service = FakeService()
    service.on("GET", PATH, stream(line("job", 1, state="succeeded")))
    away = (httpx.ConnectError("refused"), problem(503, "starting"))
    service.on(
        "GET",
        "/v1/jobs/job_1",
        httpx.Response(200, json=job()),
        *away,
        httpx.Response(200, json=job("succeeded")),
    )

    with service.client() as client:
        assert [seen.state for seen in client.follow("job_1")] == ["running", "succeeded"]


def test_following_a_job_that_is_not_there_says_so() -> None:
    service = FakeService()
    service.on("GET", "/v1/jobs/job_1", problem(404, "There is no job job_1."))

    with service.client() as client, pytest.raises(Refused, match="no job job_1"):
        list(client.follow("job_1"))
