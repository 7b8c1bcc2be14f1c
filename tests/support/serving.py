"""`winnow serve` itself, as a user starts it, for one test."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.service import ROOT
from winnow.client import Client

STOP_SECONDS = 30


@dataclass(frozen=True)
class Serving:
    """A running `winnow serve`."""

    process: subprocess.Popen[str]
    url: str
    home: Path
    log: Path

    def pid(self, name: str) -> int:
        """The process id of its `api` or its `worker`."""
        return int((self.home / "run" / f"{name}.pid").read_text())

    def client(self) -> Client:
        """A client of it."""
        return Client(self.url)


@contextmanager
def serving(home: Path, *options: str, port: int = 0, gpus: str = "") -> Iterator[Serving]:
    """Start it on a free port and end it by SIGTERM; RuntimeError with what it said where it does not start.

    `gpus`: what it sees of this machine's, and what it takes to be there.
    """
    log = home.parent / f"{home.name}.log"
    command = [
        sys.executable,
        "-m",
        "winnow.cli",
        "serve",
        "--json",
        "--port",
        str(port),
        "--home",
        str(home),
        *options,
    ]
    with log.open("w") as err:
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": gpus}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=err, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"winnow serve did not start:\n{log.read_text()}")
        yield Serving(process, json.loads(line)["url"], home, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()
