"""`winnow serve`: the whole service in one folder, API and workers as children (docs/architecture.md)."""

import fcntl
import http.client
import ipaddress
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Self

import typer
from rich.text import Text

from winnow.cli.embedded import CHECKOUT, DECIDED, ON_GPUS, Address, CannotServe, Embedded
from winnow.cli.options import AsJson, check_key
from winnow.cli.output import remarks
from winnow.cli.supervisor import Child, end, keep_running, look_after
from winnow.lottery.gpus import seen

READY_SECONDS = 60.0
GPU_SECONDS = 180.0
"""How long the worker on GPUs is waited for: it loads torch, and CUDA."""
ANSWER_SECONDS = 1.0
LOOK_SECONDS = 0.1

Host = Annotated[
    str, typer.Option(envvar="WINNOW_HOST", help="Address to listen on. Others than loopback want an API key.")
]
Port = Annotated[
    int, typer.Option(envvar="WINNOW_PORT", min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
]
Home = Annotated[Path, typer.Option(envvar="WINNOW_HOME", file_okay=False, help="Folder that everything is kept in.")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        envvar="WINNOW_DATA_DIR", exists=True, file_okay=False, help="Folder of data sets; HOME/data unless given."
    ),
]
Slots = Annotated[int | None, typer.Option(min=1, help="Units trained at once on the CPU; one a core unless given.")]
ApiKey = Annotated[
    str | None, typer.Option(envvar="WINNOW_API_KEY", help="Key that every request has to carry from then on.")
]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    home: Home = Path(".winnow"),
    data_dir: DataDir = None,
    slots: Slots = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Run the service: API and workers, with everything they keep under HOME, until Ctrl-C."""
    _check_checkout()
    _check_environment(os.environ)
    _check_exposure(host, api_key)
    with _claimed(home.resolve()) as place, _listening(host, port) as door, Signals() as signals:
        address = Address(host, int(door.getsockname()[1]))
        embedded = Embedded(place, address, data_dir, slots, api_key)
        embedded.migrate()
        children = [embedded.api(door), embedded.worker()]
        try:
            _start(children, address, signals)
            if seen(os.environ):
                is_there = partial(_has_seen, ON_GPUS, address, api_key)
                _add(children, embedded.worker_on_gpus(), is_there, signals)
            if not signals.stopping():
                _announce(place, address, as_json)
            keep_running(children, signals.stopping, _say)
        finally:
            _say("ending")
            end(children, signals.hurry)


class Signals:
    """What the outside has asked for: to stop, and by a second Ctrl-C to stop at once."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __enter__(self) -> Self:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.seen.append(number)

    def stopping(self) -> bool:
        """Whether to stop."""
        return bool(self.seen)

    def hurry(self) -> bool:
        """Whether to wait for nothing."""
        return self.seen.count(signal.SIGINT) > 1


def _check_checkout() -> None:
    missing = [name for name in ("app", "worker", "alembic.ini") if not (CHECKOUT / name).exists()]
    if missing:
        raise CannotServe(
            f"`winnow serve` starts its parts from a checkout, and {CHECKOUT} has no {missing[0]}: "
            "clone the project and run `make env` there, or run the images with `docker compose up`"
        )


def _check_environment(environment: Mapping[str, str]) -> None:
    if others := [name for name in DECIDED if environment.get(name)]:
        raise CannotServe(
            "`winnow serve` keeps rows, files and bell in HOME and starts workers of its own: "
            f"unset {', '.join(others)}, or run API and workers by themselves (`python -m app`, `python -m worker`)"
        )


def _check_exposure(host: str, api_key: str | None) -> None:
    check_key(api_key)
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except socket.gaierror as unknown:
        raise CannotServe(f"there is no host {host!r}: {unknown.strerror}") from unknown
    if not api_key and not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise CannotServe(
            f"others can reach {host}: set WINNOW_API_KEY (or --api-key) to a long secret, or listen on 127.0.0.1"
        )


@contextmanager
def _claimed(home: Path) -> Iterator[Path]:
    """The home folder, made and locked: two services on the same rows and pids would end each other's work."""
    (home / "run").mkdir(parents=True, exist_ok=True)
    with (home / "run" / "serve.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise CannotServe(f"another `winnow serve` runs on {home}: end it, or take another --home") from held
        yield home


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens at the port, or at a free one for 0."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    door = socket.socket(family, kind, protocol)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen()
    except OSError as taken:
        door.close()
        raise CannotServe(f"cannot listen on {host}:{port} ({taken.strerror}): take another --port") from taken
    return door


def _start(children: Sequence[Child], address: Address, signals: Signals) -> None:
    """Start everything and wait until the API answers. What fails now would fail again, so it ends the command."""
    for child in children:
        child.start()
    deadline = time.monotonic() + READY_SECONDS
    while not signals.stopping() and _asked(address, "/healthz") is None:
        for child in children:
            if child.ended() is not None:
                raise CannotServe(f"the {child.name} did not start; what it said stands above")
        if time.monotonic() > deadline:
            raise CannotServe(f"the API does not answer at {address.url} after {READY_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)


def _add(children: list[Child], worker: Child, is_there: Callable[[datetime], bool], signals: Signals) -> None:
    """Start a worker and wait until it takes units. Where it cannot, the others do without it.

    `is_there`: whether it has been seen since a time.
    """
    begun, began = datetime.now(UTC), time.monotonic()
    children.append(worker)
    worker.start()
    ask_at = began
    while not signals.stopping():
        now = time.monotonic()
        if worker.ended() is not None:
            worker.clear_away()
            children.remove(worker)
            return _say(f"the {worker.name} did not start, and what it said stands above: everything runs on the CPU")
        if now > began + GPU_SECONDS:
            return _say(f"the {worker.name} is not there yet: what is sent before it comes runs on the CPU")
        for other in children[:-1]:
            look_after(other, _say)
        if now >= ask_at:
            ask_at = now + ANSWER_SECONDS
            if is_there(begun):
                return _say(f"the {worker.name} is there: jobs run on the GPU unless they ask for the CPU")
        time.sleep(LOOK_SECONDS)
    return None


def _has_seen(worker: str, address: Address, api_key: str | None, since: datetime) -> bool:
    """Whether the API has; a row that an earlier run left is none of this one."""
    answer = _asked(address, "/v1/workers", api_key)
    workers = json.loads(answer)["items"] if answer else ()
    return any(one["id"] == worker and datetime.fromisoformat(one["last_seen"]) > since for one in workers)


def _asked(address: Address, path: str, api_key: str | None = None) -> bytes | None:
    """What the API answers to a GET; None where it does not, or says no."""
    connection = http.client.HTTPConnection(address.reachable, address.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {api_key}"} if api_key else {})
        answer = connection.getresponse()
        return answer.read() if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _announce(home: Path, address: Address, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": address.url, "home": str(home)}), flush=True)  # one line, as more may never come
        return
    console = remarks()
    console.print(
        Text.assemble(("Winnow", "bold"), " listens at ", (address.url, "bold"), f" (API: {address.url}/docs)")
    )
    console.print(f"Rows, files and pids lie in {home}. Ctrl-C ends it.", soft_wrap=True)


def _say(text: str) -> None:
    remarks().print(f"winnow serve: {text}", soft_wrap=True)
