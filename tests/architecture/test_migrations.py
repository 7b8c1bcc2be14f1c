"""The migrations make the tables that the code speaks of, on both databases, and take them away again."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.support.sources import ROOT
from winnow.db import migrate
from winnow.db.engine import Database
from winnow.db.tables import metadata

POSTGRES_SHAPE = """
SELECT format('column %s.%s %s %s %s %s', table_name, column_name, data_type, is_nullable, column_default,
              identity_generation)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""


@pytest.fixture(params=["sqlite", "postgres"])
def fresh_url(request: pytest.FixtureRequest) -> Callable[[], str]:
    """A function that gives the URL of an empty database."""
    if request.param == "postgres":
        return request.getfixturevalue("new_database")
    folder = request.getfixturevalue("tmp_path_factory")
    return lambda: f"sqlite:///{folder.mktemp('sqlite') / 'winnow.db'}"


def shape(database: Database) -> set[str]:
    """All that the database says of its tables, columns, constraints and indexes; not the order of a table's parts."""
    with database.read() as conn:
        if conn.dialect.name == "postgresql":
            found = set(conn.scalars(sa.text(POSTGRES_SHAPE)))
        else:
            made = conn.scalars(sa.text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
            # A table that was made anew, as SQLite has to where a column changes, has its name in quotes.
            texts = [sql.replace('"', "") for sql in made]
            # A column that came later stands behind a comma, not on a line of its own.
            parts = {sql: re.split(r"\n|, (?=[a-z_]+ [A-Z])", sql) for sql in texts}
            found = {f"{sql.split('(')[0]}: {part.strip().strip(',')}" for sql in texts for part in parts[sql]}
    return {line for line in found if "alembic" not in line}


def test_what_the_migrations_make_is_what_the_tables_say(fresh_url: Callable[[], str]) -> None:
    migrated, made = Database(url := fresh_url()), Database(fresh_url())
    migrate.upgrade(url)
    with made.write() as conn:
        metadata.create_all(conn)
    assert shape(migrated) == shape(made)
    with migrated.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
    migrated.close()
    made.close()


def test_a_migration_is_taken_back_whole_and_made_again(fresh_url: Callable[[], str]) -> None:
    database = Database(url := fresh_url())
    migrate.upgrade(url)
    there = shape(database)
    migrate.upgrade(url)
    assert shape(database) == there, "nothing to do the second time"
    migrate.downgrade(url)
    assert shape(database) == set()
    migrate.upgrade(url)
    assert shape(database) == there
    database.close()


def test_two_that_migrate_at_once_wait_for_each_other(fresh_url: Callable[[], str]) -> None:
    url = fresh_url()
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    env = os.environ | {"WINNOW_DATABASE_URL": url}
    both = [subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(one.communicate(timeout=120)[1], one.returncode) for one in both] == [("", 0), ("", 0)]
    database = Database(url)
    assert shape(database)
    database.close()


def test_alembic_says_which_setting_it_misses() -> None:
    env = {name: value for name, value in os.environ.items() if name != "WINNOW_DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "current"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "WINNOW_DATABASE_URL" in done.stdout + done.stderr


def test_outside_a_checkout_it_says_so(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "winnow", tmp_path / "winnow")
    program = "from winnow.db.migrate import upgrade; upgrade('sqlite://')"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "NotFound: There are no migrations in" in done.stderr
