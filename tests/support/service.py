"""A whole service for one test: API and workers as processes on loopback, embedded or on real servers.

    with Service(embedded(tmp_path), tmp_path) as service, service.client() as client:
        worker = service.add_worker("first", slots=1)
        job = client.submit({...})

Everything ends with the `with`, by process id and with its whole group; what the processes said is in `service.log()`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.support.servers import Server
from winnow.client import Client

if TYPE_CHECKING:
    from tests.conftest import S3

ROOT = Path(__file__).parents[2]
Environment = Mapping[str, str]


def embedded(folder: Path, data_dir: Path | None = None) -> dict[str, str]:
    """Settings as `winnow serve` gives them: SQLite, a folder of objects, a folder of messages."""
    return _everywhere(folder, data_dir) | {
        "WINNOW_DATABASE_URL": f"sqlite:///{folder / 'home' / 'winnow.db'}",
        "WINNOW_STORAGE_URL": (folder / "home" / "store").as_uri(),
        "WINNOW_BROKER_URL": f"filesystem://{folder / 'home' / 'bell'}",
    }


def on_servers(
    folder: Path, database_url: str, broker_url: str, s3: "S3", data_dir: Path | None = None
) -> dict[str, str]:
    """Settings as the compose file gives them: Postgres, Redis, S3."""
    return _everywhere(folder, data_dir) | {
        "WINNOW_DATABASE_URL": database_url,
        "WINNOW_BROKER_URL": broker_url,
        "WINNOW_STORAGE_URL": s3.fresh_url(),
        "WINNOW_S3_ENDPOINT": s3.endpoint,
        "WINNOW_S3_ACCESS_KEY": s3.access_key,
        "WINNOW_S3_SECRET_KEY": s3.secret_key,
        "WINNOW_S3_REGION": s3.region,
    }


def _everywhere(folder: Path, data_dir: Path | None) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    return kept | {"WINNOW_HOME": str(home), "WINNOW_DATA_DIR": str(data_dir or home / "data")}


class Part(Server):
    """One of the service's processes, in a group of its own."""

    module = ""

    def __init__(self, folder: Path, environment: Environment) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self.environment = dict(environment)

    def command(self) -> Sequence[str | Path]:
        """With the suite's own Python."""
        return [sys.executable, "-m", self.module]

    def options(self) -> dict[str, Any]:
        """In the checkout, and told everything by the environment."""
        return {"cwd": ROOT, "env": self.environment}

    def stop(self) -> None:
        """End it and whatever it has left behind in its group."""
        group = self.process.pid if self.process else None
        super().stop()
        if group is not None:
            with suppress(ProcessLookupError):  # nothing is left of it
                os.killpg(group, signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL to the whole group, as when a machine is lost."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "server.log").read_text(errors="replace")


class Api(Part):
    """`python -m app` on a free port."""

    module = "app"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def options(self) -> dict[str, Any]:
        """On its port, which it keeps when it is started again."""
        environment = self.environment | {"WINNOW_HOST": "127.0.0.1", "WINNOW_PORT": str(self.port)}
        return super().options() | {"env": environment}

    def answers(self) -> bool:
        """Whether it and what it needs are there."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False


class Worker(Part):
    """`python -m worker` under a name; it counts as started once the API lists it."""

    module = "worker"

    def __init__(self, folder: Path, environment: Environment, name: str, client: Client) -> None:
        super().__init__(folder, environment)
        self.name = name
        self.client = client

    def answers(self) -> bool:
        """Whether the service knows it."""
        return any(worker.id == self.name for worker in self.client.workers())


class Service:
    """Migrated rows, one API, and the workers that a test adds."""

    def __init__(self, environment: Environment, folder: Path, **settings: str) -> None:
        self.environment = dict(environment) | settings
        self.folder = folder
        self.api = Api(folder / "api", self.environment)
        self.workers: list[Worker] = []

    @property
    def url(self) -> str:
        """Where the API listens."""
        return self.api.url

    def client(self) -> Client:
        """A client of the API."""
        return Client(self.url, self.environment.get("WINNOW_API_KEY"))

    def add_worker(self, name: str, **settings: str | int) -> Worker:
        """Start a worker; `slots=1` and the like are its `WINNOW_…` settings."""
        own = {f"WINNOW_{setting.upper()}": str(value) for setting, value in settings.items()}
        environment = self.environment | own | {"WINNOW_WORKER_NAME": name}
        worker = Worker(self.folder / f"worker-{name}", environment, name, self._client)
        self.workers.append(worker)
        worker.start()
        return worker

    def log(self) -> str:
        """What all its processes have said so far."""
        return "".join(part.log() for part in (self.api, *self.workers))

    def __enter__(self) -> Self:
        migrate = [sys.executable, "-m", "app.migrate"]
        done = subprocess.run(migrate, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the rows could not be made ready:\n{done.stderr}")
        self.api.start()
        self._client = self.client()
        return self

    def __exit__(self, *_exc: object) -> None:
        for worker in self.workers:
            worker.stop()
        self.api.stop()
        self._client.close()
