"""Documents come back as they went in, long lists go in pieces."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from winnow.db.chunks import SIZE, chunks
from winnow.db.engine import Database
from winnow.db.insert import insert_absent
from winnow.db.types import Document

table = Table("kept", MetaData(), Column("id", Integer, primary_key=True), Column("said", Document))
# Everything that a user's JSON can hold: NUL, lone surrogates, numbers beyond 64 bits.
texts = st.text(st.characters(exclude_categories=()))
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture
def kept(database_url: str):
    database = Database(database_url)
    with database.write() as conn:
        table.metadata.create_all(conn)
    yield database
    database.close()


def test_documents_come_back_as_they_went_in(kept: Database) -> None:
    @given(documents)
    def round_trip(document: object) -> None:
        with kept.write() as conn:
            conn.execute(table.delete())
            conn.execute(insert(table).values(id=1, said=document))
            assert conn.scalar(select(table.c.said)) == document

    round_trip()


def test_a_loss_that_is_no_number_can_be_kept(kept: Database) -> None:
    with kept.write() as conn:
        conn.execute(insert(table).values(id=1, said={"loss": math.nan, "bound": math.inf}))
        said = conn.scalar(select(table.c.said))
    assert math.isnan(said["loss"])
    assert said["bound"] == math.inf


def test_what_is_there_stays_and_the_rest_goes_in(kept: Database) -> None:
    with kept.write() as conn:
        insert_absent(conn, table, [{"id": 1, "said": "first"}])
        insert_absent(conn, table, [{"id": 1, "said": "second"}, {"id": 2, "said": "new"}])
        insert_absent(conn, table, [])
        assert dict(conn.execute(select(table)).all()) == {1: "first", 2: "new"}


@given(st.sets(st.text(max_size=3), max_size=20), st.integers(0, 2 * SIZE + 1))
def test_pieces_are_sorted_small_and_whole(some: set[str], many: int) -> None:
    keys = some | {f"{number:05}" for number in range(many)}
    pieces = list(chunks(keys))
    assert [key for piece in pieces for key in piece] == sorted(keys)
    assert all(0 < len(piece) <= SIZE for piece in pieces)


def test_the_database_file_is_made_with_its_first_transaction(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'winnow.db'}")
    assert list(tmp_path.iterdir()) == []
    with database.read() as conn:
        assert conn.scalar(select(1)) == 1
    database.close()
    assert (tmp_path / "winnow.db").exists()
