"""Outside of all routes: the request's id, one log line each, safe headers, the API key, and the last resort."""

import hmac
import re
import time
import uuid
from collections.abc import Callable

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import internal, problem

OPEN = frozenset({"/healthz", "/readyz"})
"""Paths that want no key: probes have none."""
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that are asked every few seconds and say nothing new."""
_SOUND_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

Observe = Callable[[str, str, int, float], None]
"""Told of each request: method, route (its template), status, seconds."""


class Gate:
    """Names each request, logs it once and answers for errors that nobody foresaw."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self.app = app
        self.observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        body = _Body(scope, receive)
        answer = _Answer(send, request_id, body, head=scope["method"] == "HEAD")
        # HEAD is GET whose body nobody wants (RFC 9110, 9.3.2): routes need not know of it.
        asked = {**scope, "method": "GET"} if answer.head else scope
        began = time.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(asked, body.receive, answer.send)
            except ClientDisconnect:
                structlog.get_logger().info("client went away", method=scope["method"], path=scope["path"])
            except Exception:
                structlog.get_logger().exception("unexpected error", method=scope["method"], path=scope["path"])
                if answer.status is not None:
                    raise  # half an answer is out: only breaking the connection tells the client that it is not whole
                await internal()(scope, receive, answer.send)
            finally:
                self._note(scope, asked, answer.status, time.monotonic() - began)

    def _note(self, scope: Scope, asked: Scope, status: int | None, seconds: float) -> None:
        route = getattr(asked.get("route"), "path", "unmatched")
        # 499: the client was gone before there was an answer.
        self.observe(scope["method"], route, status or 499, seconds)
        log = structlog.get_logger()
        say = log.debug if scope["path"] in QUIET else log.info
        say("request", method=scope["method"], path=scope["path"], status=status, seconds=round(seconds, 4))


class _Body:
    """Passes a request's body on, and knows whether something of it is still to come."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        headers = dict(scope["headers"])
        self.left = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.left = False
        return message


class _Answer:
    """Passes a response on with the headers that all of them carry, and remembers its status."""

    def __init__(self, send: Send, request_id: str, body: "_Body", *, head: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._body = body
        self.head = head
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
            if self._body.left:
                # Refused before it was read: else the server would go on taking in 10 GB to throw them away.
                headers["Connection"] = "close"
            await self._send(message)
            if self.head:  # also of a stream that would never end
                await self._send({"type": "http.response.body"})
        elif not self.head:
            await self._send(message)


def _request_id(scope: Scope) -> str:
    """The caller's own `X-Request-Id` where it is sound, else a fresh one."""
    sent = dict(scope["headers"]).get(b"x-request-id", b"")
    return sent.decode() if _SOUND_ID.fullmatch(sent) else uuid.uuid4().hex


class KeyCheck:
    """Lets nobody in without `Authorization: Bearer KEY`, before a byte of the body is read."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http" or scope["path"] in OPEN or self._opens(scope):
            await self.app(scope, receive, send)
            return
        detail = "This service wants its API key: send the header `Authorization: Bearer KEY`."
        refusal = problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="winnow"'})
        await refusal(scope, receive, send)

    def _opens(self, scope: Scope) -> bool:
        scheme, _, token = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        # Compared in constant time: how long it takes must not tell how much of a guess was right.
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._key)
