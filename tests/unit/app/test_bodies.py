"""Request bodies: what a megabyte of hostile JSON can do."""

import json

import pytest

from app.bodies import DEEPEST, parse_document
from app.pages import decode, encode
from winnow.contract.problems import InvalidSpec, WinnowError


def test_a_name_that_is_given_twice_among_many_is_found_in_one_pass() -> None:
    names = [f'"{number}": 0' for number in range(80_000)]
    with pytest.raises(WinnowError, match="'79999' is given twice"):
        parse_document(f"{{{', '.join([*names, names[-1]])}}}".encode())


def test_depth_is_bounded_below_what_later_readers_take() -> None:
    def nested(levels: int) -> bytes:
        return b"[" * levels + b"]" * levels

    assert parse_document(nested(DEEPEST)) is not None
    with pytest.raises(WinnowError, match="nested too deeply"):
        parse_document(nested(DEEPEST + 2))


@pytest.mark.parametrize("text", ["a\0b", "\ud800", {"\ud800": 1}, {"\0": 1}])
def test_text_that_cannot_be_stored_is_refused_wherever_it_stands(text: object) -> None:
    with pytest.raises(InvalidSpec, match="NUL or half a surrogate"):
        parse_document(json.dumps({"classes": [text]}).encode())


@pytest.mark.parametrize("place", [[10**30, "a"], [-(2**60), "a"], [1, "\ud800"], [1, "\0"], [1], ["a", 1], [True, ""]])
def test_a_cursor_that_no_database_can_be_asked_for_is_none(place: list[object]) -> None:
    with pytest.raises(InvalidSpec, match="no cursor of this list"):
        decode(encode(place), int, str)


def test_a_cursor_of_no_number_is_none() -> None:
    with pytest.raises(InvalidSpec, match="no cursor of this list"):
        decode(encode([float("nan"), "a"]), float, str)
    assert decode(encode([1.5, "a"]), float, str) == [1.5, "a"]
