"""A job's events: in order, resumable, with progress between them, closed after the last, for many who listen."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from app.jobs import stream
from tests.support.api import Api, is_problem, until
from tests.support.driver import prune, train
from winnow.client import Client
from winnow.client.events import Event, lines, parse
from winnow.contract.resources import Event as Kept
from winnow.contract.resources import Page


@contextmanager
def listening(api: Api, job_id: str, **headers: str) -> Iterator[httpx.Response]:
    with api.http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield answer


def events(answer: httpx.Response) -> Iterator[Event]:
    return (event for event in parse(lines(answer.iter_bytes())) if event is not None)


def test_a_stream_tells_the_whole_job_and_closes_after_its_end(api: Api) -> None:
    api.driver.register()
    job = api.submit(prune(0.36))
    api.driver.work()
    with listening(api, job["id"]) as answer:
        told = list(events(answer))
    kept = [event for event in told if event.name != "progress"]
    assert [int(event.id or 0) for event in kept] == list(range(1, len(kept) + 1))
    assert [event.data["state"] for event in kept if event.name == "job"] == ["queued", "running", "succeeded"]
    rows = [event.data for event in kept if event.name == "level"]
    assert [row["level"] for row in rows] == [0, 1, 2]
    assert rows[2]["arms"]["ticket"]["n"] == 1
    assert all(event.data["job_id"] == job["id"] and event.data["seq"] == int(event.id or 0) for event in kept)
    assert kept[-1].data["state"] == "succeeded"


def test_what_happens_comes_while_it_happens(api: Api) -> None:
    api.driver.register()
    job = api.submit(train())
    with listening(api, job["id"]) as answer:
        told = events(answer)
        assert [next(told).name for _ in range(3)] == ["progress", "job", "unit"]
        held = api.driver.take()
        assert next(event for event in told if event.name == "job").data["state"] == "running"
        api.driver.heartbeat(held, 0.5)
        assert next(event for event in told if event.name == "progress").data["fraction"] == 0.5
        api.driver.finish(held)
        assert [event.data.get("state") for event in told if event.name == "job"] == ["succeeded"]


def test_progress_has_no_number_and_comes_only_when_it_changes(api: Api) -> None:
    job = api.submit(train())
    api.http.post(f"/v1/jobs/{job['id']}/cancel")
    with listening(api, job["id"]) as answer:
        assert [(event.name, event.id) for event in events(answer) if event.name == "progress"] == [("progress", None)]


def test_a_stream_goes_on_after_the_last_event_seen(api: Api) -> None:
    api.driver.register()
    job = api.submit(prune(0.2))
    api.driver.work()
    with listening(api, job["id"]) as answer:
        everything = [event.id for event in events(answer) if event.id]
    with listening(api, job["id"], **{"Last-Event-ID": "3"}) as answer:
        assert [event.id for event in events(answer) if event.id] == everything[3:]


def test_after_the_last_event_there_is_nothing_to_come_back_for(api: Api) -> None:
    job = api.submit(train())
    api.http.post(f"/v1/jobs/{job['id']}/cancel")
    path = f"/v1/jobs/{job['id']}/events"
    last = api.driver.job(job["id"]).last_event
    assert api.get(path, headers={"Last-Event-ID": str(last)}).status_code == 204
    assert api.get(path, headers={"Last-Event-ID": str(last - 1)}).status_code == 200


def test_a_number_that_the_job_has_not_come_to_hides_nothing_that_comes(api: Api) -> None:
    """It is another job's, or of a database that was set back."""
    job = api.submit(train())
    with listening(api, job["id"], **{"Last-Event-ID": "1000"}) as answer:
        told = events(answer)
        assert next(told).name == "progress"
        api.http.post(f"/v1/jobs/{job['id']}/cancel")
        assert [event.data["state"] for event in told if event.name == "job"] == ["cancelled"]


def test_an_id_that_no_event_has_is_refused(api: Api) -> None:
    job = api.submit(train())
    for wrong in ("x", "-1", "99999999999999999999"):
        is_problem(api.get(f"/v1/jobs/{job['id']}/events", headers={"Last-Event-ID": wrong}), 422, "last-event-id")


def test_a_comment_comes_when_nothing_else_does(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stream.COMMENT_SECONDS == 10
    monkeypatch.setattr(stream, "COMMENT_SECONDS", 0.1)
    job = api.submit(train())
    with listening(api, job["id"]) as answer:
        told = parse(lines(answer.iter_bytes()))
        assert [next(told) for _ in range(5)][3:] == [None, None]


def test_events_come_as_pages_too_oldest_first(api: Api) -> None:
    api.driver.register()
    job = api.submit(prune(0.36))
    api.driver.work()
    seen, cursor = [], None
    while True:
        params = {"limit": "4"} | ({"cursor": cursor} if cursor else {})
        answer = api.get(f"/v1/jobs/{job['id']}/events", params=params, headers={"Accept": "application/json"})
        page = Page[Kept].model_validate_json(answer.content)
        seen += [event.seq for event in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == list(range(1, api.driver.job(job["id"]).last_event + 1))


def test_a_cursor_is_for_pages(api: Api) -> None:
    job = api.submit(train())
    is_problem(api.get(f"/v1/jobs/{job['id']}/events?cursor=WzFd"), 422, "Last-Event-ID")


def test_many_listeners_hold_up_nobody(api: Api) -> None:
    api.driver.register()
    job = api.submit(train())
    limits = httpx.Limits(max_connections=None)
    with (
        httpx.Client(base_url=api.url, timeout=30, trust_env=False, limits=limits) as http,
        ExitStack() as open_streams,
    ):
        streams = [
            events(open_streams.enter_context(http.stream("GET", f"/v1/jobs/{job['id']}/events"))) for _ in range(100)
        ]
        assert all(next(one).name == "progress" for one in streams)
        began = time.monotonic()
        assert api.get("/healthz").status_code == 200
        assert api.get("/v1/jobs").status_code == 200
        assert time.monotonic() - began < 2
        api.driver.work()
        assert all([event.data["state"] for event in one if event.name == "job"][-1] == "succeeded" for one in streams)


def test_a_listener_that_leaves_is_forgotten(api: Api) -> None:
    job = api.submit(train())
    with listening(api, job["id"]) as answer:
        told = events(answer)  # kept: a generator that is dropped hangs up
        next(told)
        assert list(api.parts.feed._watches) == [job["id"]]
    until(lambda: not api.parts.feed._watches, "the end of the watch")


def test_streams_end_when_the_service_stops(api: Api) -> None:
    job = api.submit(train())
    with listening(api, job["id"]) as answer:
        told = events(answer)
        next(told)
        began = time.monotonic()
        stopping = threading.Thread(target=api.stop)
        stopping.start()
        assert [event.name for event in told] == ["job", "unit"]
        stopping.join()
    assert time.monotonic() - began < 5


def test_the_client_follows_to_the_end(api: Api) -> None:
    api.driver.register()
    with Client(api.url) as client:
        job = client.submit(prune(0.2))
        working = threading.Thread(target=api.driver.work)
        working.start()
        assert [seen.state for seen in client.follow(job.id)][-1] == "succeeded"
        working.join()
