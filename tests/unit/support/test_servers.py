"""The suite's servers are real ones, empty when asked for, and end with the suite."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis
from obstore.store import S3Store

from tests.support.servers import Redis, libpq_url

ROOT = Path(__file__).parents[3]


def test_each_database_is_empty_and_its_own(new_database: Callable[[], str]) -> None:
    first, second = new_database(), new_database()
    with psycopg.connect(libpq_url(first)) as connection:
        connection.execute("CREATE TABLE here (a int)")
        version = connection.info.server_version
    with psycopg.connect(libpq_url(second)) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert first != second
    assert tables == (0,)
    assert version >= 180000


def test_redis_is_emptied_for_a_test(redis_url: str, request) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("left", "over")
        request.getfixturevalue("empty_redis_url")
        assert client.dbsize() == 0


def test_s3_keeps_what_is_put(s3) -> None:
    store = S3Store.from_url(
        s3.fresh_url(),
        endpoint=s3.endpoint,
        access_key_id=s3.access_key,
        secret_access_key=s3.secret_key,
        region=s3.region,
        client_options={"allow_http": True},
    )
    store.put("a", b"bytes")
    assert bytes(store.get("a").bytes()) == b"bytes"
    assert [item["path"] for item in store.list().collect()] == ["a"]


@pytest.mark.usefixtures("redis_program")
def test_a_server_comes_back_on_its_port(tmp_path: Path) -> None:
    with Redis(tmp_path) as server:
        before = server.url
        server.stop()
        assert not server.answers()
        server.start()
        assert server.url == before
        assert server.answers()


@pytest.mark.usefixtures("redis_program")
def test_servers_end_with_a_suite_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from tests.support.servers import Redis; "
        "print(Redis(pathlib.Path(sys.argv[1])).start().process.pid, flush=True); sys.stdin.read()"
    )
    suite = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    with suite:
        assert suite.stdout
        server = int(suite.stdout.readline())
        suite.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while _alive(server):
        assert time.monotonic() < deadline, "the server outlived the suite"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
