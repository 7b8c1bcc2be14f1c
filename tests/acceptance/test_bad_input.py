"""Whatever a stranger sends wrong: a 4xx that says what to do, nothing stored, nothing in the log at error level.

Against the API as its own process, as `winnow serve` starts it.
"""

import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.api import NPZ, PNG, ZIP, image_zip, is_problem, png
from tests.support.driver import with_tables
from tests.support.servers import free_port
from tests.support.sources import ROOT

START_SECONDS = 30
SPEC = {"kind": "prune", "dataset": "digits", "model": "lenet_300_100"}


@dataclass(frozen=True)
class Process:
    """The API as a process on a folder of its own."""

    home: Path
    http: httpx.Client
    port: int
    pid: int

    def log(self) -> list[dict[str, Any]]:
        """Everything it has said."""
        return [json.loads(line) for line in (self.home / "log").read_text().splitlines()]

    def kept(self) -> dict[str, int]:
        """How much lies in tables, store and folder of uploads."""
        tables = ("jobs", "units", "datasets", "models", "objects", "events")
        with sqlite3.connect(self.home / "winnow.db") as rows:
            found = {name: rows.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608 - the names stand above
        stored = [path for path in (self.home / "store").rglob("*") if path.is_file()]
        return found | {"store": len(stored), "uploads": len(list((self.home / "uploads").iterdir()))}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    home = tmp_path_factory.mktemp("home")
    with with_tables(f"sqlite:///{home / 'winnow.db'}"):
        pass
    port = free_port()
    environment = os.environ | {"WINNOW_HOME": str(home), "WINNOW_PORT": str(port)}
    with (home / "log").open("w") as log, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        process = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=environment, stderr=log)
        try:
            _wait(http, process)
            yield Process(home, http, port, process.pid)
        finally:
            process.terminate()
            assert process.wait(20) == -signal.SIGTERM  # uvicorn stops in order, then raises the signal again
            assert "Finished server process" in (home / "log").read_text()


def _wait(http: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if http.get("/readyz").is_success:
                return
        except httpx.ConnectError:
            time.sleep(0.05)
    raise AssertionError("the API did not start")


@pytest.fixture(autouse=True)
def nothing_comes_of_it(api: Process) -> Iterator[None]:
    before = api.kept()
    yield
    assert api.kept() == before
    assert [line for line in api.log() if line["level"] in ("error", "critical")] == []


def spec(**fields: Any) -> dict[str, Any]:
    return {"json": SPEC | fields}


def raw(body: bytes, kind: str = "application/json") -> dict[str, Any]:
    return {"content": body, "headers": {"Content-Type": kind}}


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (spec(model="lenet_300_10"), 422, "Did you mean 'lenet_300_100'?"),
        (spec(model="alexnet"), 422, "resnet20"),
        (spec(target={"sparsity": 1.0}), 422, "less than 1"),
        (spec(target={"sparsity": -1}), 422, "greater than 0"),
        (spec(target={"sparsity": "a lot"}), 422, "target.sparsity"),
        (raw(json.dumps(SPEC | {"train": {"optimizer": {"name": "adam", "lr": float("nan")}}}).encode()), 422, "NaN"),
        (raw(b'{"kind": "train", "dataset": "digits", "model": "lenet5", "seed": 1e999}'), 422, "seed"),
        (spec(train={"optimizer": {"name": "adam", "lr": 0}}), 422, "greater than 0"),
        (spec(treshold=1), 422, "there is no such field"),
        (spec(train={"epoch": 2}), 422, "Did you mean 'epochs'?"),
        (spec(dataset="digit"), 422, "Did you mean 'digits'?"),
        (
            spec(dataset="dst_00000000000000000000000000"),
            422,
            "cifar10, cifar100, cifar100_coarse, digits, fashion_mnist, kmnist, mnist, svhn",
        ),
        (spec(dataset="../../etc"), 422, "There is no data set"),
        (spec(dataset="a\0b"), 422, "NUL"),
        (spec(dataset={"name": "digits", "fingerprint": "0" * 64}), 422, "content has changed"),
        (spec(model="conv6", dataset="digits", train={"batch_size": 60_000}), 422, "batch_size"),
        (spec(train={"epochs": 1}, method={"rewind": {"epoch": 1}}), 422, "leaves nothing to train"),
        ({"json": {"kind": "train", "dataset": "digits", "model": "lenet5", "replicates": 3}}, 422, "no such field"),
        ({"json": {"kind": "sweep"}}, 422, "Known are: evaluate, prune, train, transfer"),
        ({"json": {}}, 422, "Give one of: evaluate, prune, train, transfer"),
        ({"json": []}, 422, "object"),
        (raw(b""), 422, "empty"),
        (raw(b"{'kind': 'prune'}"), 400, "not JSON"),
        (raw(b"\xff\xfe"), 400, "not JSON"),
        (raw(b"[" * 200_000), 400, "nested too deeply"),
        (raw(b'{"kind": "train", "kind": "prune"}'), 400, "given twice"),
        (raw(b" " * (1024 * 1024 + 1)), 413, "1048576 bytes"),
        (raw(json.dumps(SPEC).encode(), "text/plain"), 415, "Content-Type: application/json"),
    ],
)
def test_a_job_that_cannot_be_done(api: Process, sent: dict[str, Any], status: int, said: str) -> None:
    is_problem(api.http.post("/v1/jobs", **sent), status, said)


def zipped(**files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def images(label: str, count: int = 12) -> dict[str, bytes]:
    return {f"{label}/{index}.png": png(np.full((8, 8), index, np.uint8)) for index in range(count)}


def arrays(**named: Any) -> bytes:
    data = io.BytesIO()
    np.savez(data, **named)
    return data.getvalue()


X, Y = np.zeros((40, 8, 8), np.uint8), np.arange(40) % 2


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (b"", ZIP, 422, "empty"),
        (b"", NPZ, 422, "empty"),
        (b"no zip", ZIP, 422, "zip"),
        (image_zip()[:-40], ZIP, 422, "zip"),
        (zipped(**images("cat")), ZIP, 422, "only one class"),
        (zipped(**images("cat"), **images("dog"), **{"dog/text.png": b"this is no picture"}), ZIP, 422, "text.png"),
        (zipped(**images("cat"), **{"../dog/1.png": png()}), ZIP, 422, ".."),
        (zipped(**images("cat"), **{"/dog/1.png": png()}), ZIP, 422, "/dog"),
        (
            zipped(**images("cat"), **images("dog"), **{"dog/large.png": png(np.zeros((9, 9), np.uint8))}),
            ZIP,
            422,
            "size",
        ),
        (zipped(**images("cat", 1), **images("dog", 1)), ZIP, 422, "two or more"),
        (b"no zip", NPZ, 422, "make it again"),
        (arrays(x=X), NPZ, 422, "y"),
        (arrays(x=X.astype(np.float32), y=Y), NPZ, 422, "uint8"),
        (arrays(x=X, y=Y[:-1]), NPZ, 422, "y"),
        (arrays(x=X, y=np.zeros(40, np.int64)), NPZ, 422, "class"),
        (arrays(x=np.array([{"a": 1}], dtype=object), y=Y), NPZ, 422, "x"),
        (image_zip(), "application/octet-stream", 415, "application/zip or application/x-npz"),
    ],
)
def test_a_data_set_that_cannot_be_used(api: Process, body: bytes, kind: str, status: int, said: str) -> None:
    answer = api.http.post("/v1/datasets?name=mine", content=body, headers={"Content-Type": kind})
    is_problem(answer, status, said)


def test_ten_gigabytes_are_refused_before_a_byte_of_them_is_read(api: Process) -> None:
    head = (
        f"POST /v1/datasets?name=mine HTTP/1.1\r\nHost: x\r\nContent-Type: {ZIP}\r\nContent-Length: 10000000000\r\n\r\n"
    )
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as wire:
        wire.sendall(head.encode())
        answer = b""
        while chunk := wire.recv(65536):  # and then the connection is closed
            answer += chunk
    assert time.monotonic() - began < 2
    head, _, body = answer.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 413 ")
    assert "content-type: application/problem+json" in head
    assert str(2 * 1024**3) in json.loads(body)["detail"]


def test_a_length_that_is_none_is_refused(api: Process) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as wire:
        wire.sendall(b"POST /v1/datasets?name=mine HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n")
        assert wire.recv(65536).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (raw(png(), "image/png"), 422, "?model=mdl_"),
        (raw(b"GIF89a", "image/gif"), 415, "image/png, image/jpeg, image/webp"),
        (raw(b"\x49\x49\x2a\x00", "image/tiff"), 415, "image/png"),
        (raw(b"", "image/png"), 422, "empty"),
        (raw(b"{}"), 422, "instances"),
    ],
)
def test_an_image_that_cannot_be_asked_about(api: Process, sent: dict[str, Any], status: int, said: str) -> None:
    is_problem(api.http.post("/predict", **sent), status, said)


def test_a_model_that_is_not_there_is_not_asked(api: Process) -> None:
    is_problem(api.http.post("/predict?model=mdl_nope", **raw(png(), PNG)), 404, "There is no model 'mdl_nope'")


def test_no_torch_came_in(api: Process) -> None:
    """The process has served everything above; what it has loaded is in its map."""
    assert "torch" not in Path(f"/proc/{api.pid}/maps").read_text()
