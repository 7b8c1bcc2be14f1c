"""What the pages name is there: files, links, make targets, modules."""

import importlib.util
import re

from tests.support.sources import ROOT, tracked

PAGES = {path: (ROOT / path).read_text() for path in tracked() if path.suffix == ".md"}
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
HOUSE = ("winnow", "app", "worker", "tests", "docs", "bench", "recipes", "alembic")


def test_files_that_pages_name_exist() -> None:
    named = re.compile(rf"`((?:{'|'.join(HOUSE)})/[\w./-]*)`")
    missing = [
        f"{page}: {name}" for page, text in PAGES.items() for name in named.findall(text) if not (ROOT / name).exists()
    ]
    assert missing == []


def test_links_between_pages_lead_somewhere() -> None:
    links = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
    broken = [
        f"{page}: {link}"
        for page, text in PAGES.items()
        for link in links.findall(text)
        if not (ROOT / page.parent / link).exists()
    ]
    assert broken == []


def test_make_targets_that_pages_name_exist() -> None:
    named = {name for text in PAGES.values() for name in re.findall(r"`make ([a-z]+)", text)}
    assert named <= TARGETS
    assert {"env", "demo", "serve", "test", "check", "fmt", "lint", "types", "imports", "bench", "up"} <= TARGETS


def test_modules_that_pages_name_exist() -> None:
    named = {name for text in PAGES.values() for name in re.findall(r"`((?:winnow|app|worker)(?:\.[a-z_]+)+)`", text)}
    assert [name for name in sorted(named) if not module_or_name(name)] == []


def module_or_name(dotted: str) -> bool:
    """Whether it is a module, or a name inside one."""
    parent, _, last = dotted.rpartition(".")
    try:
        if importlib.util.find_spec(dotted):
            return True
    except ModuleNotFoundError:
        pass  # its parent is a module, not a package
    module = importlib.import_module(parent)
    return hasattr(module, last)
