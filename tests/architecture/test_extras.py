"""Each part finds what it imports in what it is installed with: the images install one extra each, the wheel none."""

import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.sources import MODULES, PACKAGES, ROOT, imported, module_name, tree

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
SERVICE = ("winnow.db", "winnow.jobs", "winnow.logs", "winnow.storage")
TRAINING = ("winnow.lottery",)


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


@cache
def distributions() -> dict[str, set[str]]:
    return {module: {canonicalize_name(name) for name in found} for module, found in packages_distributions().items()}


@pytest.mark.parametrize(
    ("parts", "without", "extra"),
    [
        (("app", "winnow"), TRAINING, "api"),
        (("worker", "winnow"), (), "worker"),
        (("winnow",), (*SERVICE, *TRAINING), None),
    ],
    ids=["the api image", "the worker image", "the wheel alone"],
)
def test_what_is_imported_is_installed(parts: tuple[str, ...], without: tuple[str, ...], extra: str | None) -> None:
    installed = names(PROJECT["dependencies"] + (EXTRAS[extra] if extra else []))
    missing = {
        f"{path}: {name}"
        for path in MODULES
        if module_name(path).startswith(parts) and not module_name(path).startswith(without or ("-",))
        for name in {full.partition(".")[0] for full in imported(tree(path))}
        if name not in sys.stdlib_module_names and name not in PACKAGES
        if not distributions().get(name, set()) & installed
    }
    assert missing == set()
