"""The database's clock: the one that leases go by, whatever the clocks of the workers say."""

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class now(FunctionElement[float]):  # noqa: N801 - reads as the SQL function that it is
    """Seconds since 1970 as a float, at the moment the statement reads it (not when its transaction began)."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _sqlite(_element: now, _compiler: Any, **_options: Any) -> str:
    # unixepoch('subsec') would say it, but wants SQLite 3.42; Debian 12 has 3.40.
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _postgres(_element: now, _compiler: Any, **_options: Any) -> str:
    # now() stands still inside a transaction; clock_timestamp() does not.
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
