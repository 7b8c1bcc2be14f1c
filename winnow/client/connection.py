"""The one request that every verb goes through: errors become exceptions, answers become values."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from winnow.client.errors import ClientError, Damaged, Unreachable, refused
from winnow.contract.resources import Page

TRIES = 3
QUIET_SECONDS = 30.0

Answer = TypeVar("Answer", bound=BaseModel)


def _address(url: str) -> str:
    try:
        parsed = httpx.URL(url)
        parsed.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or " " in url:
        raise ClientError(f"{url!r} is no address of a service: it looks like http://HOST:PORT")
    return url.rstrip("/")


class Connection:
    """A pool of connections to one service. It takes its address and key as arguments, never from the environment."""

    def __init__(self, url: str, api_key: str | None, timeout: float, transport: httpx.BaseTransport | None) -> None:
        headers = {"User-Agent": "winnow-client"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self.url = _address(url)
        self.http = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout, transport=transport, trust_env=False
        )

    def request(
        self, method: str, path: str, *, params: Mapping[str, str | None] | None = None, **sent: Any
    ) -> httpx.Response:
        """Ask once, or where asking again changes nothing, up to three times.

        Raises Unreachable when nothing answers and Refused for an error answer.
        """
        given = {name: value for name, value in (params or {}).items() if value is not None}
        repeatable = method == "GET" or "Idempotency-Key" in sent.get("headers", {})
        left = TRIES if repeatable else 1
        while True:
            left -= 1
            try:
                response = self.http.request(method, path, params=given, **sent)
                break
            except httpx.TransportError as broken:
                if left == 0 or isinstance(broken, httpx.ConnectError):
                    raise Unreachable(self.url, broken) from broken
        if response.is_error:
            raise refused(response)
        return response

    def read(self, answer: type[Answer], method: str, path: str, **sent: Any) -> Answer:
        """The same, read as a value of the contract. Raises Damaged where the answer is none."""
        response = self.request(method, path, **sent)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as wrong:
            raise Damaged(f"{response.request.url} answered, but not as Winnow does: is the address right?") from wrong

    def pages(self, item: type[Answer], path: str, params: Mapping[str, str | None] | None = None) -> Iterator[Answer]:
        """The items of a list, fetched page by page as they are read."""
        cursor: str | None = None
        while True:
            page = self.read(Page[item], "GET", path, params={**(params or {}), "cursor": cursor})  # type: ignore[valid-type]  # a generic chosen at run time
            yield from page.items
            cursor = page.next
            if cursor is None:
                return

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """An answer whose body is read as it comes; broken off when nothing comes for 30 s.

        Raises Refused for an error answer; httpx.TransportError passes through to who knows how to go on.
        """
        with self.http.stream("GET", path, headers=dict(headers), timeout=httpx.Timeout(QUIET_SECONDS)) as response:
            if response.is_error:
                response.read()
                raise refused(response)
            yield response
