"""The bell may lose every message, bring one that nobody can read, or be away: jobs finish all the same."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.servers import Redis
from tests.support.workers import Service, eventually

SPEC = {
    "kind": "prune",
    "dataset": "digits",
    "model": "lenet_300_100",
    "target": {"sparsity": 0.5},
    "train": {"epochs": 30},
    "method": {"schedule": {"name": "iterative", "rate": 0.3}},
    "arms": ["ticket"],
    "replicates": 1,
}
PROPERTIES = {"delivery_tag": "1", "body_encoding": "base64", "delivery_info": {}}
NO_TASK = {"body": "e30=", "headers": {}, "content-type": "application/json", "content-encoding": "utf-8"}
UNREADABLE = (
    b'{"body": "W10=", "propert',
    b"\xff\xfe\x00",
    b"",
    b"[]",
    b"{}",
    json.dumps({"body": "?", "properties": PROPERTIES}).encode(),
    json.dumps({**NO_TASK, "properties": PROPERTIES}).encode(),
)


def empty(service: Service) -> None:
    """Take every message out of the broker."""
    if service.broker_url.startswith("redis"):
        with redis.Redis.from_url(service.broker_url) as client:
            client.flushdb()
    else:
        for message in (service.home / "bell").iterdir():
            message.unlink(missing_ok=True)  # the worker may take it first


def push(service: Service, content: bytes, number: int) -> None:
    """Put bytes where the worker looks for messages."""
    if service.broker_url.startswith("redis"):
        with redis.Redis.from_url(service.broker_url) as client:
            client.lpush("winnow-cpu", content)
    else:
        (service.home / "bell" / f"{number}-noise.winnow-cpu.msg").write_bytes(content)


def waiting(service: Service) -> int:
    """Messages that nobody has taken yet."""
    if service.broker_url.startswith("redis"):
        with redis.Redis.from_url(service.broker_url) as client:
            return int(client.llen("winnow-cpu"))
    return len(list((service.home / "bell").glob("*.msg")))


def test_messages_lost_and_unreadable_cost_nothing_but_time(service: Service) -> None:
    worker = service.start_worker("one")
    job = service.submit(SPEC)
    eventually(service.attempts, 60, f"a unit under way\n{service.said()}")
    empty(service)
    for number, content in enumerate(UNREADABLE):
        push(service, content, number)
    service.finished(job, 60)
    eventually(lambda: waiting(service) == 0, 20, f"noise taken\n{service.said()}")

    another = service.submit({**SPEC, "seed": 1})
    empty(service)
    service.finished(another, 60)
    assert worker.process.poll() is None
    assert worker.terminate(within=10) == 0


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis that this test alone takes away."""
    (tmp_path / "redis").mkdir()
    with Redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def on_own_redis(tmp_path: Path, own_redis: Redis) -> Iterator[Service]:
    """SQLite and a folder of objects, with that Redis as the bell."""
    home = tmp_path / "home"
    service = Service(home, f"sqlite:///{home / 'winnow.db'}", (home / "store").as_uri(), own_redis.url)
    yield service
    service.close()


def test_while_redis_is_away_work_goes_on_and_new_work_comes_after_it(on_own_redis: Service, own_redis: Redis) -> None:
    service = on_own_redis
    worker = service.start_worker("one")
    job = service.submit(SPEC)
    eventually(service.attempts, 60, f"a unit under way\n{service.said()}")
    own_redis.stop()
    service.finished(job, 60)
    new = service.submit({**SPEC, "seed": 1})
    own_redis.start()
    service.finished(new, 60)
    assert worker.terminate(within=10) == 0


def test_a_broker_that_cannot_be_listened_to_ends_the_worker_at_once_and_costs_nothing(on_own_redis: Service) -> None:
    """Deaf until its unit ends, hours later, it would be of no use; whoever supervises it starts it again."""
    service = on_own_redis
    worker = service.start_worker("one", slots=2)
    job = service.submit({**SPEC, "train": {"epochs": 600}})
    eventually(lambda: service.training(job), 60, f"a unit in training\n{service.said()}")
    with redis.Redis.from_url(service.broker_url) as client:
        client.set("winnow-cpu", "a string where a list should be")
        assert worker.process.wait(10) == 1
        client.delete("winnow-cpu")
    unit = service.units(job)[0]
    assert (unit.state, unit.losses) == ("ready", 0)
    assert unit.checkpoint_step > 0
