"""The bell on Redis, over its protocol."""

from collections.abc import Iterator

import pytest
import redis

from tests.support.bells import heard
from tests.support.servers import Redis
from winnow.jobs.dispatch import bell, queue_name, ring


def test_a_ring_is_heard_once_by_its_resource(empty_redis_url: str) -> None:
    app = bell(empty_redis_url)
    assert ring(app, "cpu")
    assert heard(app, "gpu") == []
    assert heard(app, "cpu") == ["ring"]
    assert heard(app, "cpu") == []


@pytest.mark.parametrize("content", [b"", b'{"half', b"\xff\xfe", b"[]", b"{}"])
def test_what_nobody_can_read_is_dropped(empty_redis_url: str, content: bytes) -> None:
    app = bell(empty_redis_url)
    ring(app, "cpu")
    with redis.Redis.from_url(empty_redis_url) as client:
        client.rpush(queue_name("cpu"), content)  # the end that is read first
    assert heard(app, "cpu") == ["ring"]


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A server of the test's own, that it may stop."""
    with Redis(tmp_path_factory.mktemp("redis")) as started:
        yield started


def test_it_rings_again_when_redis_is_back(server: Redis) -> None:
    app = bell(server.url)
    assert ring(app, "cpu")
    server.stop()
    assert not ring(app, "cpu")
    server.start()
    assert ring(app, "cpu")
    assert heard(app, "cpu") == ["ring"], "what was rung before is gone with Redis, and upkeep rings anyway"
