"""Column types: JSON documents that come back as they went in, whole numbers wide enough for a rank; and a row."""

import json
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Row, Text
from sqlalchemy.types import TypeDecorator

AnyRow = Row[*tuple[Any, ...]]

# SQLite numbers its rows by itself only where the type is literally INTEGER.
Whole = BigInteger().with_variant(Integer, "sqlite")


class Document(TypeDecorator[Any]):
    """JSON kept as text.

    Not the database's own JSON type: Postgres refuses what Python's reader and writer hand on (the NaN of a loss that
    diverged, an escaped NUL), and nothing here is searched by content.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To text; ASCII only, so that a lone surrogate in what a user sent can be stored too."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - as above
        """From text."""
        return None if value is None else json.loads(value)
