"""Data sets: built in, uploaded, or folders of the data directory, all found by name."""

import re

from sqlalchemy import Connection

from app.datasets import queries
from app.datasets.inspection import inspected
from app.datasets.intake import Received
from app.deps import Parts
from app.pages import decode, encode
from app.times import time_of
from winnow.artifact.uploads import UploadFacts
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import DatasetFacts
from winnow.contract.hints import no_dataset
from winnow.contract.ids import new_id
from winnow.contract.names import NAME
from winnow.contract.problems import Conflict, InvalidSpec, NotFound
from winnow.contract.resources import Dataset, Datasets
from winnow.db.insert import insert_absent
from winnow.db.tables import TENANT, datasets
from winnow.db.types import AnyRow
from winnow.jobs.objects import still_kept, touch


def facts_named(parts: Parts, name: str) -> DatasetFacts:
    """What is known of a data set. Raises NotFound, and InvalidFile for a folder that cannot be used."""
    if name in DATASETS:
        return DATASETS[name]
    row = _upload(parts, name)
    facts = DatasetFacts.model_validate(row.facts) if row else parts.folders.facts(name)
    return facts or _missing(parts, name)


def get(parts: Parts, name: str) -> Dataset:
    """One data set by id or name. Raises NotFound."""
    row = None if name in DATASETS else _upload(parts, name)
    return _uploaded(row) if row else _known(facts_named(parts, name))


def newest(parts: Parts, limit: int, cursor: str | None) -> Datasets:
    """A page of data sets: uploads, newest first, then those built in by name, then folders that were looked through.

    A folder is shown as it was when somebody last asked for it: reading all of it may take minutes.
    """
    at, name = decode(cursor, float, str) or (None, "")
    with parts.database.read() as conn:
        place = None if at is None else (at, name)
        rows = () if at is not None and at <= 0 else queries.newest(conn, TENANT, before=place, count=limit + 1)
        folders = _folders(parts, conn)
    read = [facts for facts in folders.values() if facts is not None]
    rest = [(0.0, facts) for _, facts in sorted(DATASETS.items())] + [(-1.0, facts) for facts in read]
    left = [(when, facts) for when, facts in rest if at is None or (-when, facts.name) > (-at, name)]
    places = [[row.created_at, row.id] for row in rows] + [[when, facts.name] for when, facts in left]
    items = [_uploaded(row) for row in rows] + [_known(facts) for _, facts in left]
    following = encode(places[limit - 1]) if len(items) > limit else None
    unread = tuple(folder for folder, facts in folders.items() if facts is None)
    return Datasets(items=tuple(items[:limit]), next=following, unread=unread)


def _folders(parts: Parts, conn: Connection) -> dict[str, DatasetFacts | None]:
    """What is known of each folder, but for those whose name means something else: an upload, or what is built in."""
    names = parts.folders.names()
    others = DATASETS.keys() | queries.taken(conn, TENANT, names)
    return {name: parts.folders.known(name) for name in names if name not in others}


def check_name(parts: Parts, name: str) -> None:
    """Refuse a name that means something else already. Raises InvalidSpec, Conflict."""
    if name.startswith("dst_"):
        raise InvalidSpec("name: names that begin with `dst_` are ids. Give another one.")
    if name in DATASETS:
        raise Conflict(f"{name!r} is a built-in data set. Give yours another name.")
    if parts.folders.has(name):
        raise Conflict(f"{name!r} is a folder of the data directory. Give yours another name.")


def keep(
    parts: Parts, sent: Received, media_type: str, name: str, size: tuple[int, int] | None
) -> tuple[Dataset, bool]:
    """Look an upload through and keep it; False beside it where it was there already.

    Raises InvalidFile for content that cannot be used, Conflict where the name has other content.
    """
    found = _inspected(sent, media_type, size)
    facts = found.facts(name, sent.sha256)
    there = _upload(parts, name)
    same = None if there is None else _same(there, facts)
    if there is None or there.object == sent.sha256:  # the same file once more mends what may be damaged in the store
        with parts.database.write() as conn:
            touch(conn, sent.sha256, sent.bytes)
        parts.objects.put(sent.path)
    if same is not None:
        return same, False
    row = {
        "id": new_id("dst"),
        "tenant": TENANT,
        "name": name,
        "fingerprint": facts.fingerprint,
        "facts": facts.model_dump(mode="json"),
        "bytes": sent.bytes,
        "object": sent.sha256,
    }
    with parts.database.write() as conn:
        still_kept(conn, [sent.sha256])
        insert_absent(conn, datasets, [row])  # another upload of that name may have been quicker
    there = _upload(parts, name)
    assert there is not None  # noqa: S101 - it was inserted just now, by this request or the quicker one
    return _same(there, facts), there.id == row["id"]


def _inspected(sent: Received, media_type: str, size: tuple[int, int] | None) -> UploadFacts:
    if media_type == "application/zip":
        return inspected("zip", sent.path, size)
    if size is not None:
        raise InvalidSpec("size: an .npz has images of one size already. Leave `size` out.")
    return inspected("npz", sent.path)


def _same(row: AnyRow, facts: DatasetFacts) -> Dataset:
    there = DatasetFacts.model_validate(row.facts)
    if there.model_copy(update={"object": facts.object, "format": facts.format}) != facts:
        raise Conflict(f"The data set {row.name!r} exists with other content ({row.id}). Give this one another name.")
    return _uploaded(row)


def _upload(parts: Parts, name: str) -> AnyRow | None:
    with parts.database.read() as conn:
        return queries.named(conn, TENANT, name) if re.fullmatch(NAME, name) else None


def _missing(parts: Parts, name: str) -> DatasetFacts:
    with parts.database.read() as conn:
        known = {*DATASETS, *queries.some_names(conn, TENANT), *parts.folders.names()}
    raise NotFound(
        f"{no_dataset(name, known)} POST /v1/datasets takes yours, and a folder NAME/CLASS/image.png of the data "
        "directory (WINNOW_DATA_DIR) is one where it lies."
    )


def _uploaded(row: AnyRow) -> Dataset:
    facts = DatasetFacts.model_validate(row.facts)
    return Dataset(
        id=row.id, bytes=row.bytes, created_at=time_of(row.created_at), **facts.model_dump(exclude={"format", "object"})
    )


def _known(facts: DatasetFacts) -> Dataset:
    return Dataset(id=facts.name, **facts.model_dump(exclude={"format", "object"}))
