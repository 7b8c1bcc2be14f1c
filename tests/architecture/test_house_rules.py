"""Rules of the house that no linter knows: settings, names, docstrings, words."""

import ast
import importlib
import re

from tests.support.sources import MODULES, ROOT, module_name, tracked, tree

READ_THE_ENVIRONMENT = ("app/settings.py", "worker/settings.py", "winnow/cli/")
DRAWERS = {"common", "utils", "util", "helpers", "core", "misc"}
SETTINGS = {"environ", "environb", "getenv", "getenvb", "BaseSettings"}
# Folders under which people and machines keep their checkouts; a tracked file has no business there.
MACHINE_PATH = re.compile(r"(?<![\w.$}\])/-])/(?:home|Users|root|work|mnt)/\w")
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".lock",
    ".json",
    ".cfg",
    ".ini",
    ".sh",
    ".mako",
    ".svg",
    ".txt",
    ".csv",
    "",
}


def test_the_environment_is_read_at_the_edge() -> None:
    inside = [path for path in MODULES if not str(path).startswith(READ_THE_ENVIRONMENT)]
    assert [path for path in inside if reads_settings(tree(path))] == []


def test_no_file_is_a_drawer() -> None:
    code = [path for path in tracked() if path.suffix == ".py"]
    assert [path for path in code if {path.stem, *path.parts[:-1]} & DRAWERS or path.name == "models.py"] == []


def test_every_module_says_what_it_is() -> None:
    assert [path for path in MODULES if not ast.get_docstring(tree(path))] == []


def test_public_names_exist() -> None:
    for path in MODULES:
        if "__all__" in names_used(tree(path)):
            module = importlib.import_module(module_name(path))
            assert [name for name in module.__all__ if not hasattr(module, name)] == [], path
            assert len(set(module.__all__)) == len(module.__all__), path


def test_alembic_is_no_package() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists(), "it would shadow the library of that name"


def test_no_tracked_file_names_a_place_on_one_machine() -> None:
    found = [
        f"{path}: {match[0]}"
        for path in tracked()
        if path.suffix in TEXT
        for match in MACHINE_PATH.finditer((ROOT / path).read_text(errors="replace"))
    ]
    assert not found


def test_nothing_tracked_is_large() -> None:
    assert not [path for path in tracked() if (ROOT / path).stat().st_size > 1_000_000]


def reads_settings(parsed: ast.Module) -> bool:
    """Whether a module looks at the environment. `os.environ.update(…)`, which the runner calls, only writes."""
    nodes = [node for node in ast.walk(parsed) if isinstance(node, ast.Attribute)]
    written = {id(node.value) for node in nodes if node.attr == "update"}
    read = {node.attr for node in nodes if id(node) not in written}
    return bool(SETTINGS & (read | names_imported(parsed)))


def names_imported(parsed: ast.Module) -> set[str]:
    """What a module imports from others, by name."""
    return {a.name for node in ast.walk(parsed) if isinstance(node, ast.ImportFrom) for a in node.names}


def names_used(parsed: ast.Module) -> set[str]:
    """Every name, attribute and imported name in a module."""
    names = {node.attr for node in ast.walk(parsed) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(parsed) if isinstance(node, ast.Name)}
    return names | names_imported(parsed)
