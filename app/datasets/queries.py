"""What the API reads of uploaded data sets."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, or_, select

from winnow.db.tables import datasets
from winnow.db.types import AnyRow


def named(conn: Connection, tenant: str, name: str) -> AnyRow | None:
    """The upload by that id or name; an id cannot be a name."""
    this = or_(datasets.c.id == name, datasets.c.name == name)
    return conn.execute(select(datasets).where(datasets.c.tenant == tenant, this)).one_or_none()


def newest(conn: Connection, tenant: str, *, before: tuple[float, str] | None, count: int) -> Sequence[AnyRow]:
    """Uploads from the newest on, those that came before a place in that order."""
    query = select(datasets).where(datasets.c.tenant == tenant)
    if before is not None:
        at, after = datasets.c.created_at, before[0]
        query = query.where(or_(at < after, and_(at == after, datasets.c.id < before[1])))
    return conn.execute(query.order_by(datasets.c.created_at.desc(), datasets.c.id.desc()).limit(count)).all()


def taken(conn: Connection, tenant: str, names: Sequence[str]) -> set[str]:
    """Those of the names that uploads have."""
    query = select(datasets.c.name).where(datasets.c.tenant == tenant, datasets.c.name.in_(names))
    return set(conn.scalars(query))


def some_names(conn: Connection, tenant: str) -> Sequence[str]:
    """Names of the latest uploads, for a message that says what there is."""
    query = select(datasets.c.name).where(datasets.c.tenant == tenant).order_by(datasets.c.created_at.desc())
    return conn.scalars(query.limit(50)).all()
