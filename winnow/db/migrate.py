"""Bringing a database to the tables of this version: `alembic`, called from Python."""

from pathlib import Path

import alembic.command
from alembic.config import Config

from winnow.contract.problems import NotFound

CHECKOUT = Path(__file__).parents[2]


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that a database lacks; nothing where it has them all. Raises NotFound outside a checkout."""
    alembic.command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str = "base") -> None:
    """Take migrations back; `base` leaves no table of Winnow."""
    alembic.command.downgrade(_config(url), revision)


def _config(url: str) -> Config:
    ini = CHECKOUT / "alembic.ini"
    if not ini.is_file():
        raise NotFound(f"There are no migrations in {CHECKOUT}: they are in a checkout of Winnow, not in its wheel.")
    config = Config(ini)
    config.attributes["url"] = url
    return config
