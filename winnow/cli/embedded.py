"""What `winnow serve` starts: API and worker over one folder, and a second worker where this machine has GPUs."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from winnow.cli.supervisor import Child

CHECKOUT = Path(__file__).parents[2]
ON_GPUS = "embedded-gpu"
DECIDED = (
    "WINNOW_DATABASE_URL",
    "WINNOW_STORAGE_URL",
    "WINNOW_BROKER_URL",
    "WINNOW_LISTEN_FD",
    "WINNOW_WORKER_NAME",
    "WINNOW_RESOURCE",
)
"""Variables of API and worker that follow from what is started here: nobody else has a say in them."""


class CannotServe(typer.TyperException):
    """What stands in the way, in words."""


@dataclass(frozen=True)
class Address:
    """Where the API listens."""

    host: str
    port: int

    @property
    def reachable(self) -> str:
        """A host that a client on this machine can name."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared with, not bound

    @property
    def url(self) -> str:
        """The same as a URL."""
        return f"http://{f'[{self.reachable}]' if ':' in self.reachable else self.reachable}:{self.port}"


@dataclass(frozen=True)
class Embedded:
    """A service in a folder, as its user asked for it."""

    home: Path
    address: Address
    data_dir: Path | None
    slots: int | None
    api_key: str | None

    def migrate(self) -> None:
        """Make rows and store ready. Raises CannotServe."""
        command = [sys.executable, "-m", "app.migrate"]
        done = subprocess.run(  # noqa: S603 - its own interpreter and module
            command,
            cwd=CHECKOUT,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,  # a Ctrl-C is for the service, which ends once this has
        )
        if done.returncode:
            raise CannotServe(f"the rows or the store could not be made ready:\n{done.stderr.strip()}")

    def api(self, door: socket.socket) -> Child:
        """The API, listening at `door`: that stays open while it starts again, so that who comes meanwhile waits."""
        return self._child("api", "app", {"WINNOW_LISTEN_FD": str(door.fileno())}, door)

    def worker(self) -> Child:
        """The worker on the CPU."""
        slots = {} if self.slots is None else {"WINNOW_SLOTS": str(self.slots)}
        return self._child("worker", "worker", {"WINNOW_WORKER_NAME": "embedded", "WINNOW_RESOURCE": "cpu", **slots})

    def worker_on_gpus(self) -> Child:
        """The worker on the GPUs, a slot each unless WINNOW_SLOTS says otherwise."""
        return self._child("worker-gpu", "worker", {"WINNOW_WORKER_NAME": ON_GPUS, "WINNOW_RESOURCE": "gpu"})

    def _child(self, name: str, module: str, environment: dict[str, str], *sockets: socket.socket) -> Child:
        command, pid_file = [sys.executable, "-m", module], self.home / "run" / f"{name}.pid"
        return Child(name, command, CHECKOUT, self._environment() | environment, pid_file, sockets)

    def _environment(self) -> dict[str, str]:
        data = self.data_dir.resolve() if self.data_dir else self.home / "data"
        if self.data_dir is None:
            data.mkdir(parents=True, exist_ok=True)
        own = {
            "WINNOW_HOME": str(self.home),
            "WINNOW_DATABASE_URL": f"sqlite:///{self.home / 'winnow.db'}",
            "WINNOW_STORAGE_URL": (self.home / "store").as_uri(),
            "WINNOW_BROKER_URL": (self.home / "bell").as_uri().replace("file:", "filesystem:", 1),
            "WINNOW_DATA_DIR": str(data),
            "WINNOW_HOST": self.address.host,
            "WINNOW_PORT": str(self.address.port),
        }
        key = {} if self.api_key is None else {"WINNOW_API_KEY": self.api_key}
        return {**os.environ, **own, **key}
