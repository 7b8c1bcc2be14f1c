"""The API as its callers meet it: a real server on a loopback port, in a thread, with hands on its rows and store."""

import io
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
import structlog
from PIL import Image
from sqlalchemy import select

from app.deps import Parts
from app.server import Server
from app.settings import Settings
from tests.support.driver import Driver
from tests.support.networks import PERCEPTRON
from winnow.artifact.model import write_model
from winnow.contract.results import FileRef
from winnow.db.engine import Database
from winnow.db.tables import datasets, metadata, models
from winnow.jobs.lease import Claim

START_SECONDS = 20
PROBLEM = "application/problem+json"
PNG, ZIP, NPZ = "image/png", "application/zip", "application/x-npz"


class Api:
    """One app being served. On leaving, nothing may have been logged at error level unless a test said so."""

    def __init__(self, home: Path, **settings: Any) -> None:
        given = {"storage_url": "memory:///", "database_url": f"sqlite:///{home / 'winnow.db'}"} | settings
        self.settings = Settings(home=home, port=0, **given)
        self.server = Server(self.settings)
        self.driver = Driver(Database(self.settings.database_url))
        self.expect_errors = False
        self._thread = threading.Thread(target=self.server.run)

    @property
    def parts(self) -> Parts:
        """What the app holds."""
        parts: Parts = self.server.app.state.parts
        return parts

    def __enter__(self) -> Self:
        with self.driver.database.write() as conn:
            metadata.create_all(conn)
        self._capture = structlog.testing.capture_logs([structlog.contextvars.merge_contextvars])
        self.logs = self._capture.__enter__()
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self.server.started:
            assert self._thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server took too long to start"
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.http.close()
        self.stop()
        self._capture.__exit__(None, None, None)
        self.driver.database.close()
        loud = [entry for entry in self.logs if entry["log_level"] in ("error", "critical")]
        assert self.expect_errors or not loud, loud

    def stop(self) -> None:
        """Stop the server and wait for it."""
        self.server.should_exit = True
        self._thread.join(START_SECONDS)
        assert not self._thread.is_alive(), "the server did not stop"

    def get(self, path: str, **sent: Any) -> httpx.Response:
        """GET."""
        return self.http.get(path, **sent)

    def submit(self, spec: dict[str, Any], **headers: str) -> dict[str, Any]:
        """POST a job that must be taken in."""
        answer = self.http.post("/v1/jobs", json=spec, headers=headers)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def finish_with_model(self, held: Claim) -> None:
        """End a claimed unit with the real files of a small network."""
        self.driver.finish(held, files=self.stored_model(held.unit.key))

    def stored_model(self, seed_text: str) -> dict[str, FileRef]:
        """The four files of a model in the store."""
        masks, weights = PERCEPTRON.masked(0.5, seed=int(seed_text[:6], 16))
        folder = self.settings.home / f"model-{seed_text[:12]}"
        folder.mkdir()
        write_model(folder, PERCEPTRON.graph, PERCEPTRON.header, masks, weights)
        return {path.name: self.parts.objects.put(path) for path in folder.iterdir()}

    def a_model(self) -> str:
        """The id of a model that can be asked: a train job, done."""
        self.driver.register()
        self.submit({"kind": "train", "dataset": "digits", "model": "lenet_300_100"})
        self.finish_with_model(self.driver.take())
        return str(self.driver.all(models.select())[0].id)

    def upload(self, name: str, body: Any, kind: str = ZIP, **params: str) -> httpx.Response:
        """POST a data set."""
        return self.http.post(
            "/v1/datasets", params={"name": name} | params, content=body, headers={"Content-Type": kind}
        )

    def left_in_uploads(self) -> list[Path]:
        """What lies in the folder of uploads on their way in."""
        return list(self.settings.uploads.iterdir())

    def nothing_kept(self) -> bool:
        """Whether no upload has left a row or a file on its way in."""
        return not self.driver.all(select(datasets)) and not self.left_in_uploads()


def until(holds: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Look again and again until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it never came: {what}"
        time.sleep(0.01)


def png(pixels: np.ndarray | None = None) -> bytes:
    """An image file; 6×6 in colour, as the test's network takes it."""
    data = io.BytesIO()
    Image.fromarray(np.full((6, 6, 3), 99, np.uint8) if pixels is None else pixels).save(data, "PNG")
    return data.getvalue()


def image_zip(classes: int = 2, images: int = 12, seed: int = 0) -> bytes:
    """A data set of grey 8×8 images in folders `class-0`, …"""
    random = np.random.default_rng(seed)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for label in range(classes):
            for index in range(images):
                pixels = random.integers(0, 256, (8, 8), dtype=np.uint8)
                archive.writestr(f"class-{label}/{index:03}.png", png(pixels))
    return data.getvalue()


def array_npz(images: int = 40, seed: int = 0, side: int = 8) -> bytes:
    """A data set of grey square arrays in two classes."""
    random = np.random.default_rng(seed)
    data = io.BytesIO()
    np.savez(data, x=random.integers(0, 256, (images, side, side), dtype=np.uint8), y=np.arange(images) % 2)
    return data.getvalue()


def is_problem(answer: httpx.Response, status: int, *said: str) -> dict[str, Any]:
    """Check that an answer is problem details of this status whose text holds these words; gives the problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    found = dict(answer.json())
    assert found["status"] == status
    assert found["type"].startswith("urn:winnow:problem:")
    assert found["title"]
    for words in said:
        assert words in found["detail"], found["detail"]
    return found
