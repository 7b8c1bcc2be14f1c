"""The API process: how soon it is ready, and how much memory it holds, also while 500 MB come in.

    python bench/api_memory.py [--megabytes 500] [--out docs/results/api_memory.md]

A real `python -m app` on loopback over SQLite and a folder. Resident memory is the process's own peak in each phase
(VmHWM, cleared between phases), so that nothing short is missed. It is started three times, as other work on the
machine delays a start but never hastens one. Fails where a promise is broken.
"""

import argparse
import io
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
from PIL import Image

from tests.support.driver import Driver, train, with_tables
from tests.support.networks import PERCEPTRON
from tests.support.servers import free_port
from winnow.artifact.model import write_model
from winnow.contract.results import FileRef
from winnow.storage.objects import Objects

ROOT = Path(__file__).parents[1]
READY_SECONDS, RESIDENT_MB = 3.0, 200.0
MB = 1_000_000
LISTENERS = 100


class Start(NamedTuple):
    """From the process's start to its first `/readyz`."""

    seconds: float
    cpu_seconds: float


@dataclass
class Api:
    """The process, and what was seen of it: phase, peak in MB, remark."""

    pid: int
    http: httpx.Client
    seen: list[tuple[str, float, str]] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str, remark: str = "") -> Iterator[None]:
        """Measure the peak of what happens inside."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # VmHWM starts again from what is resident now
        began = time.monotonic()
        yield
        seconds = time.monotonic() - began
        peak = self._kilobytes("VmHWM") * 1024 / MB
        self.seen.append((name, peak, remark or f"{seconds:.1f} s"))
        sys.stdout.write(f"{name}: {peak:.0f} MB\n")

    def cpu_seconds(self) -> float:
        """Processor time so far, in user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def holds_torch(self) -> bool:
        """Whether any of torch is mapped."""
        return "torch" in Path(f"/proc/{self.pid}/maps").read_text()

    def _kilobytes(self, field_name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{field_name}:"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=500, help="Size of each upload.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "api_memory.md")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with with_tables(f"sqlite:///{home / 'winnow.db'}") as database:
            starts = [start(home) for _ in range(3)]
            with serving(home) as (api, _):
                measure(api, home, Driver(database), asked.megabytes)
                torch = api.holds_torch()
    begun = min(starts)
    asked.out.write_text(report(api, begun, torch))
    kept = begun.seconds < READY_SECONDS and max(peak for _, peak, _ in api.seen) < RESIDENT_MB and not torch
    sys.stdout.write(f"ready in {begun.seconds:.2f} s; {'all promises kept' if kept else 'A PROMISE IS BROKEN'}\n")
    return 0 if kept else 1


def start(home: Path) -> Start:
    with serving(home) as (api, seconds):
        return Start(seconds, api.cpu_seconds())


def measure(api: Api, home: Path, driver: Driver, megabytes: int) -> None:
    with api.phase("started", "nothing asked but /readyz"):
        api.http.get("/readyz").raise_for_status()
    with api.phase("200 requests", "jobs submitted and listed, /docs, /openapi.json, /metrics"):
        ask(api.http)
    with api.phase(f"{LISTENERS} listeners", "server-sent events of one job"):
        listen(api.http)
    for kind, write in (("application/x-npz", write_npz), ("application/zip", write_zip)):
        path = home / "upload"
        write(path, megabytes * MB)
        with api.phase(f"upload of {path.stat().st_size / MB:.0f} MB, {kind}"):
            upload(api.http, path, kind)
        path.unlink()
    with api.phase("predictions", "six models of 9 MB in turn, 16 images each"):
        predict(api.http, home, driver)


def ask(http: httpx.Client) -> None:
    for number in range(50):
        http.post("/v1/jobs", json=train(seed=number)).raise_for_status()
        for path in ("/v1/jobs?limit=200", "/docs", ("/openapi.json", "/metrics")[number % 2]):
            http.get(path).raise_for_status()


def listen(http: httpx.Client) -> None:
    job = http.get("/v1/jobs?limit=1").json()["items"][0]["id"]
    with ExitStack() as streams:
        for _ in range(LISTENERS):
            answer = streams.enter_context(http.stream("GET", f"/v1/jobs/{job}/events"))
            next(answer.iter_bytes())


def upload(http: httpx.Client, path: Path, kind: str) -> None:
    with path.open("rb") as body:
        name = kind.rpartition("/")[2]
        http.post(f"/v1/datasets?name={name}", content=body, headers={"Content-Type": kind}).raise_for_status()


def write_npz(path: Path, size: int) -> None:
    images = size // 784
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        np.savez(file, x=random.integers(0, 256, (images, 28, 28), dtype=np.uint8), y=np.arange(images) % 10)


def write_zip(path: Path, size: int) -> None:
    """Small pictures and many of them, which is what costs memory: noise of 44×44 in colour, about 6 kB each."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        number = 0
        while archive.start_dir < size:
            data = io.BytesIO()
            Image.fromarray(random.integers(0, 256, (44, 44, 3), dtype=np.uint8)).save(data, "PNG", compress_level=1)
            archive.writestr(f"train/class-{number % 10}/{number:06}.png", data.getvalue())
            number += 1


def predict(http: httpx.Client, home: Path, driver: Driver) -> None:
    """Models of a `conv6`'s size, made by hand."""
    shapes = {"hidden.weight": (20_000, 108), "hidden.bias": (20_000,), "out.weight": (4, 20_000), "out.bias": (4,)}
    network = replace(PERCEPTRON, shapes=shapes)
    objects = Objects.open(f"file://{home / 'store'}")
    driver.register()
    for seed in range(6):
        held = driver.take()
        driver.finish(held, files=stored(network, seed, home, objects))
    images = network.images(16).tolist()
    for model in http.get("/v1/models").json()["items"]:
        http.post("/predict", params={"model": model["id"]}, json={"instances": images}).raise_for_status()


def stored(network: object, seed: int, home: Path, objects: Objects) -> dict[str, FileRef]:
    masks, weights = network.masked(0.5, seed=seed)
    folder = home / f"model-{seed}"
    folder.mkdir()
    write_model(folder, network.graph, network.header, masks, weights)
    return {path.name: objects.put(path) for path in folder.iterdir()}


@contextmanager
def serving(home: Path) -> Iterator[tuple[Api, float]]:
    """The API, and the seconds until it was ready."""
    port = free_port()
    environment = os.environ | {"WINNOW_HOME": str(home), "WINNOW_PORT": str(port)}
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600, trust_env=False, limits=limits) as http:
        try:
            while not ready(http):
                if process.poll() is not None or time.monotonic() - began > 60:
                    raise RuntimeError("the API did not start")
                time.sleep(0.01)
            yield Api(process.pid, http), time.monotonic() - began
        finally:
            process.terminate()
            process.wait(30)


def ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").is_success
    except httpx.TransportError:
        return False


def report(api: Api, begun: Start, torch: bool) -> str:
    rows = "".join(f"| {name} | {peak:.0f} | {remark} |\n" for name, peak, remark in api.seen)
    return (
        "# The API process: start and memory\n\n"
        f"Written by `bench/api_memory.py` on {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}.\n\n"
        f"Ready in {begun.seconds:.2f} s (promised: under {READY_SECONDS:.0f}), of which the processor worked "
        f"{begun.cpu_seconds:.2f} s; the machine's load was {os.getloadavg()[1]:.1f}. "
        f"torch {'IS' if torch else 'is not'} in it.\n\n"
        f"| while | peak resident, MB (promised: under {RESIDENT_MB:.0f}) | |\n|---|---|---|\n{rows}"
    )


if __name__ == "__main__":
    sys.exit(main())
