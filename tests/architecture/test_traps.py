"""docs/traps.md and the tests: each trap is held by a test that is there and names it, or the page says why not."""

import ast
import re

import pytest

from tests.support.sources import ROOT

ROWS = re.findall(r"^\| *(\d+) \| (.+?) \| (.+) \|$", (ROOT / "docs/traps.md").read_text(), re.MULTILINE)
HELD = [(int(number), path, name) for number, _, held in ROWS for path, name in re.findall(r"`([\w/.]+)::(\w+)`", held)]


def test_every_trap_has_a_row_that_names_a_test_or_says_why_there_is_none() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 32))
    without = [int(number) for number, _, held in ROWS if "::" not in held]
    assert all(held.startswith("not here: ") for number, _, held in ROWS if int(number) in without)


@pytest.mark.parametrize(("number", "path", "name"), HELD)
def test_the_test_is_there_and_names_its_trap(number: int, path: str, name: str) -> None:
    module = ast.parse((ROOT / path).read_text())
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef) and node.name == name]
    assert functions, f"{path} has no {name}"
    told = (ast.get_docstring(functions[0]) or "") + (ast.get_docstring(module) or "")
    named = re.findall(r"[Tt]raps? (\d+(?:(?:, | and )\d+)*)", told)
    assert str(number) in re.findall(r"\d+", " ".join(named)), f"{name} does not name trap {number}"
