"""A service of canned answers, behind httpx's own transport: what the client meets, without processes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from winnow.client import Client

Answer = Callable[[httpx.Request], httpx.Response]
URL = "http://winnow.test"


@dataclass
class FakeService:
    """Answers by method and path, in turn and the last one for ever; an exception is raised instead of an answer."""

    answers: dict[tuple[str, str], list[httpx.Response | Answer | Exception]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, method: str, path: str, *answers: httpx.Response | Answer | Exception) -> None:
        """Say what a route answers."""
        self.answers[method, path] = list(answers)

    def client(self) -> Client:
        """A client of this service."""
        return Client(URL, "a-key", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        waiting = self.answers[request.method, request.url.path]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


def job(state: str = "running", **members: Any) -> dict[str, Any]:
    """A job as the service shows it."""
    shown: dict[str, Any] = {
        "id": "job_1",
        "kind": "prune",
        "state": state,
        "reason": None,
        "queue_position": None,
        "waiting": None,
        "progress": {"units_done": 1, "units_total": 4, "fraction": 0.25, "eta_seconds": 12.0},
        "created_at": "2026-11-21T10:00:00Z",
        "started_at": "2026-11-21T10:00:01Z",
        "finished_at": None,
        "cancel_requested_at": None,
        "spec": {
            "kind": "prune",
            "model": {"name": "lenet5"},
            "dataset": {"name": "digits"},
            "target": {"sparsity": 0.9},
        },
        "levels": [],
        "result": None,
        "error": None,
        "links": {},
    }
    return shown | members


def problem(status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> httpx.Response:
    """A problem as the service answers it."""
    body = {"type": "urn:winnow:problem:x", "title": "X", "status": status, "detail": detail, "errors": errors or []}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


def stream(*parts: str | bytes | Exception, status: int = 200, **headers: str) -> Answer:
    """An answer whose body comes in parts; an exception breaks it off there."""

    def body() -> Iterator[bytes]:
        for part in parts:
            if isinstance(part, Exception):
                raise part
            yield part.encode() if isinstance(part, str) else part

    return lambda _request: httpx.Response(status, content=body(), headers=headers)
