"""Fixtures that every part of the suite shares: real servers, fresh databases, real data.

Nothing starts until a test asks for it. `WINNOW_TEST_DATABASE_URL`, `WINNOW_TEST_BROKER_URL` and
`WINNOW_TEST_S3_ENDPOINT` (with `_BUCKET`, `_ACCESS_KEY`, `_SECRET_KEY`, `_REGION`) point the suite at servers that run
already.
"""

import os
import signal
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import hypothesis
import psycopg
import pytest
import redis

from tests.support.data import lay_out, lay_out_cifar
from tests.support.servers import Postgres, Redis, S3Store, libpq_url, make_bucket, redis_server

# Two shared cores make any deadline on one example a coin toss; pytest's own timeout bounds the whole.
hypothesis.settings.register_profile("winnow", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("winnow")


@dataclass(frozen=True)
class S3:
    """A store that speaks S3, and one bucket in it."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    region: str

    @property
    def url(self) -> str:
        """The bucket."""
        return f"s3://{self.bucket}"

    def fresh_url(self) -> str:
        """A place in the bucket that nobody has used."""
        return f"s3://{self.bucket}/{uuid.uuid4().hex}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What takes too long for every day."""
    text = "hold the specs of torchvision's classifiers for all of them: hours; else for the first of each kind"
    parser.addoption("--every-architecture", action="store_true", help=text)


def pytest_configure() -> None:
    """Let SIGTERM end the suite as Ctrl-C does: fixtures are torn down, servers ended."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt("SIGTERM")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A Postgres server, by the URL of its own database; tests take a fresh one through `new_database`."""
    if given := os.environ.get("WINNOW_TEST_DATABASE_URL"):
        yield given.replace("postgresql://", "postgresql+psycopg://", 1)
        return
    # Not pytest's own folder, which it closes to everybody but the owner: root lends the server to another user.
    with tempfile.TemporaryDirectory(prefix="winnow-postgres-") as folder, Postgres(Path(folder)) as server:
        yield server.url


@pytest.fixture(scope="session")
def new_database(postgres_url: str) -> Callable[[], str]:
    """A function that makes an empty Postgres database and gives its URL."""

    def make() -> str:
        name = f"winnow_{uuid.uuid4().hex}"
        with psycopg.connect(libpq_url(postgres_url), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return f"{postgres_url.rpartition('/')[0]}/{name}"

    return make


@pytest.fixture
def postgres_database(new_database: Callable[[], str]) -> str:
    """The URL of an empty Postgres database for one test."""
    return new_database()


@pytest.fixture
def sqlite_database(tmp_path: Path) -> str:
    """The URL of an SQLite file for one test, not made yet."""
    return f"sqlite:///{tmp_path / 'winnow.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: the test runs once on SQLite and once on Postgres."""
    return str(request.getfixturevalue(f"{request.param}_database"))


@pytest.fixture(scope="session")
def redis_program() -> None:
    """For tests that start a Redis of their own: skips where there is none to start."""
    try:
        redis_server()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server; what earlier tests left in it is still there."""
    if given := os.environ.get("WINNOW_TEST_BROKER_URL"):
        yield given
        return
    request.getfixturevalue("redis_program")
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def empty_redis_url(redis_url: str) -> str:
    """The Redis server, emptied for one test."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    return redis_url


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A store that speaks S3 over HTTP, with a bucket in it."""
    if given := os.environ.get("WINNOW_TEST_S3_ENDPOINT"):
        names = ("BUCKET", "ACCESS_KEY", "SECRET_KEY", "REGION")
        yield S3(given, *(os.environ[f"WINNOW_TEST_S3_{name}"] for name in names))
        return
    with S3Store(tmp_path_factory.mktemp("s3")) as server:
        make_bucket(server.endpoint, "winnow")
        yield S3(server.endpoint, "winnow", server.access_key, server.secret_key, server.region)


@pytest.fixture(scope="session")
def data_dir(pytestconfig: pytest.Config) -> Path:
    """MNIST and Fashion-MNIST as `WINNOW_DATA_DIR` holds them."""
    if given := os.environ.get("WINNOW_TEST_DATA_DIR"):
        return Path(given)
    try:
        return lay_out(pytestconfig.cache.mkdir("winnow-data"))
    except FileNotFoundError as missing:
        pytest.skip(f"{missing}: lay the shared folder beside the clone, or set WINNOW_TEST_DATA_DIR")


@pytest.fixture(scope="session")
def cifar_dir(pytestconfig: pytest.Config) -> Path:
    """CIFAR-10 and CIFAR-100 as `WINNOW_DATA_DIR` holds them."""
    if given := os.environ.get("WINNOW_TEST_DATA_DIR"):
        if not Path(given, "cifar-100-python").is_dir():
            pytest.skip(f"no CIFAR under {given}, where WINNOW_TEST_DATA_DIR points")
        return Path(given)
    try:
        return lay_out_cifar(pytestconfig.cache.mkdir("winnow-data"))
    except FileNotFoundError as missing:
        pytest.skip(f"{missing}: lay the shared folder beside the clone, or set WINNOW_TEST_DATA_DIR")
