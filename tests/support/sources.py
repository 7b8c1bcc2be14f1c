"""The project's own files, for the tests that look at code as text."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("winnow", "app", "worker")
MODULES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file, given relative to the root."""
    return ast.parse((ROOT / path).read_text(), str(path))


def module_name(path: Path) -> str:
    """`winnow/plan/rows.py` → `winnow.plan.rows`; a package goes by its folder."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported(parsed: ast.Module) -> Iterator[str]:
    """Full names of what a module imports, inside functions and for type checking too."""
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def tracked() -> list[Path]:
    """Every file under version control, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
