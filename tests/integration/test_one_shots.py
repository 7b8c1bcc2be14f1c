"""The commands that containers run beside the service: making tables and bucket, and asking whether a worker lives."""

import json
import os
import subprocess
import sys

import httpx
import pytest
from sqlalchemy import inspect

from tests.support.sources import ROOT
from winnow.db.engine import Database
from winnow.db.migrate import upgrade
from winnow.jobs import workers


def run(module: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    environment |= {f"WINNOW_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-W", "error", "-m", module]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)


def test_migrate_makes_tables_and_bucket_and_may_run_again(postgres_database: str, s3) -> None:
    for _ in range(2):
        done = run(
            "app.migrate",
            database_url=postgres_database,
            storage_url="s3://made-by-migrate/objects",
            s3_endpoint=s3.endpoint,
            s3_access_key=s3.access_key,
            s3_secret_key=s3.secret_key,
            s3_region=s3.region,
        )
        assert done.returncode == 0, done.stderr
    database = Database(postgres_database)
    with database.read() as connection:
        assert {"jobs", "units"} <= set(inspect(connection).get_table_names())
    database.close()
    # 403: a bucket that is there, and closed to those without a key; 404 where there is none.
    assert httpx.head(f"{s3.endpoint}/made-by-migrate", trust_env=False).status_code in (200, 403)
    assert httpx.head(f"{s3.endpoint}/never-made", trust_env=False).status_code == 404


@pytest.mark.parametrize(("name", "code"), [("here", 0), ("gone", 1), ("never-there", 1)])
def test_health_tells_a_live_worker_from_one_that_left(sqlite_database: str, name: str, code: int) -> None:
    upgrade(sqlite_database)
    database = Database(sqlite_database)
    with database.write() as connection:
        for worker in ("here", "gone"):
            registration = workers.Registration(worker, f"run_{worker}", "cpu", 1, 1, 0, "any", "host", "1")
            workers.register(connection, registration)
        workers.gone(connection, "gone", "run_gone")
    database.close()
    done = run("worker.health", database_url=sqlite_database, worker_name=name)
    assert done.returncode == code, done.stderr


@pytest.mark.parametrize(("module", "variable"), [("app", "port"), ("worker", "slots"), ("app.migrate", "port")])
def test_a_setting_that_cannot_be_is_told_by_its_variable_and_no_value_of_any(module: str, variable: str) -> None:
    refused = run(module, **{variable: "hush", "s3_secret_key": "hush"})
    assert refused.returncode == 1
    assert f"WINNOW_{variable.upper()}: Input should be" in json.loads(refused.stderr)["detail"]
    assert "hush" not in refused.stderr
