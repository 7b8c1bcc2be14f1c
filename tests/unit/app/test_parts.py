"""The small parts: settings, cursors, ranges, negotiation, strict JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.bodies import parse_json
from app.models.ranges import Span, not_modified, span
from app.negotiation import preferred
from app.pages import LARGEST, decode, encode
from app.settings import Settings
from winnow.contract.problems import InvalidSpec, WinnowError
from winnow.db.engine import parse_url

TAG = '"abc"'


def test_without_a_word_everything_lies_in_one_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.home == tmp_path / ".winnow"
    assert parse_url(settings.database_url).database == str(tmp_path / ".winnow" / "winnow.db")
    assert settings.storage_url == f"file://{tmp_path}/.winnow/store"
    assert settings.broker_url == f"filesystem://{tmp_path}/.winnow/bell"
    assert (settings.host, settings.port, settings.api_key) == ("127.0.0.1", 8000, None)


def test_settings_come_from_the_environment_and_empty_ones_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_API_KEY", "")
    monkeypatch.setenv("WINNOW_PORT", "99")
    monkeypatch.setenv("WINNOW_MAX_UPLOAD_BYTES", "5")
    settings = Settings()
    assert (settings.api_key, settings.port, settings.max_upload_bytes) == (None, 99, 5)
    monkeypatch.setenv("WINNOW_API_KEY", "hunter2")
    assert "hunter2" not in repr(Settings())
    monkeypatch.setenv("WINNOW_PORT", "x")
    with pytest.raises(ValidationError):
        Settings()


@given(
    st.integers(1 - LARGEST, LARGEST - 1), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
)
def test_a_cursor_names_the_place_that_it_was_made_of(number: int, name: str) -> None:
    assert decode(encode([number, name]), int, str) == [number, name]


@given(st.text())
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(InvalidSpec, match="no cursor"):
        decode(f"{text}!", int, str)


@pytest.mark.parametrize("place", [[1], [True], ["x"], [1.0], [1, "x", 2], {"a": 1}, None])
def test_a_cursor_of_another_list_is_refused(place: Any) -> None:
    with pytest.raises(InvalidSpec):
        decode(encode(place), int, str)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (None, None),
        ("bytes=0-9", Span(0, 10)),
        ("bytes=90-", Span(90, 100)),
        ("bytes=90-500", Span(90, 100)),
        ("bytes=-5", Span(95, 100)),
        ("bytes=-500", Span(0, 100)),
        ("bytes=-0", Span(100, 100)),
        ("bytes=100-", Span(100, 100)),
        ("bytes=500-600", Span(500, 100)),
        ("bytes=9-5", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("pages=0-1", None),
        ("bytes=٣-٤", None),
        (f"bytes={'9' * 5000}-", None),
    ],
)
def test_ranges_are_read_as_the_rfc_says(asked: str | None, part: Span | None) -> None:
    assert span(asked, None, TAG, 100) == part


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 150))
def test_a_range_never_leaves_the_file(first: int, last: int, size: int) -> None:
    part = span(f"bytes={first}-{last}", TAG, TAG, size)
    content = bytes(range(size))
    if part is not None and part.start < part.end:
        assert content[part.start : part.end] == content[first : last + 1]


def test_a_range_of_other_bytes_gets_the_whole() -> None:
    assert span("bytes=0-9", '"other"', TAG, 100) is None
    assert span("bytes=0-9", f"W/{TAG}", TAG, 100) is None  # a weak tag cannot vouch for bytes
    assert span("bytes=0-9", "Sat, 21 Nov 2026 00:00:00 GMT", TAG, 100) is None


@pytest.mark.parametrize(
    ("header", "there"), [(None, False), ("*", True), (TAG, True), (f'W/{TAG}, "x"', True), ('"x"', False), ("", False)]
)
def test_what_the_caller_has_is_known_by_its_tag(header: str | None, there: bool) -> None:
    assert not_modified(header, TAG) is there


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.4, application/json", "application/json"),
        ("*/*, text/csv", "text/csv"),
        ("text/csv; q=bad", "application/json"),
        ("image/png", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
    ],
)
def test_the_form_that_is_liked_best_is_sent(accept: str | None, form: str) -> None:
    assert preferred(accept, "application/json", "text/csv") == form


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a": 1, "a": 2}', b"[1,]", b"1 2", b"9" * 5000])
def test_what_is_not_json_is_told_so(body: bytes) -> None:
    with pytest.raises(WinnowError, match="not JSON") as caught:
        parse_json(body)
    assert caught.value.status == 400


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(), st.lists, max_leaves=20))
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(b"\xef\xbb\xbf" + json.dumps(value).encode()) == value
