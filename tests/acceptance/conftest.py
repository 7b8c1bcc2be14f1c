"""Rows, objects and bell for worker processes: embedded, and over Postgres, Redis and S3."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import S3
from tests.support.workers import Service


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Service]:
    """SQLite, a folder of objects, a folder of messages: what `winnow serve` has."""
    home = tmp_path / "home"
    service = Service(
        home, f"sqlite:///{home / 'winnow.db'}", (home / "store").as_uri(), f"filesystem://{home / 'bell'}"
    )
    yield service
    service.close()


@pytest.fixture
def on_servers(tmp_path: Path, new_database: Callable[[], str], empty_redis_url: str, s3: S3) -> Iterator[Service]:
    """Postgres, S3 and Redis: what the compose file has."""
    keys = {
        "WINNOW_S3_ENDPOINT": s3.endpoint,
        "WINNOW_S3_ACCESS_KEY": s3.access_key,
        "WINNOW_S3_SECRET_KEY": s3.secret_key,
        "WINNOW_S3_REGION": s3.region,
    }
    service = Service(tmp_path / "home", new_database(), s3.fresh_url(), empty_redis_url, keys)
    yield service
    service.close()


@pytest.fixture(params=["embedded", "on_servers"])
def service(request: pytest.FixtureRequest) -> Service:
    """Both ways to run, one after the other."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Service)
    return found
