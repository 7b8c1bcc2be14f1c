"""What alembic runs: every migration in one transaction, one at a time.

The URL is, in this order, the one that `winnow.db.migrate` passes, `-x url=…`, and WINNOW_DATABASE_URL.
"""

import os

import sqlalchemy as sa
from alembic.util import CommandError

from alembic import context
from winnow.db.engine import Database
from winnow.db.tables import metadata

MIGRATION_LOCK = 0x57494E4E4F57  # any number that nobody else takes


def url() -> str:
    given = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    found = given or os.environ.get("WINNOW_DATABASE_URL")
    if not found:
        raise CommandError("Say which database: set WINNOW_DATABASE_URL, or pass -x url=…")
    return found


def migrate() -> None:
    database = Database(url())
    with database.write() as connection:
        # SQLite has one writer; on Postgres two that migrate at once wait for each other here.
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
        context.run_migrations()
    database.close()


migrate()
