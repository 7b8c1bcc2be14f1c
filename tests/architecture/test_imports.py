"""Who may import whom: the layers, what is kept out of them, and that the light parts do without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import MODULES, PACKAGES, ROOT, imported, module_name, tree

TORCH = {"torch", "torchvision", "onnxscript"}
WITHOUT_TORCH = ("app.main", "winnow.runtime", "winnow.client", "winnow.cli.main", "winnow.plan", "winnow.jobs.upkeep")
BLOCK_TORCH = """
import importlib, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
importlib.import_module(sys.argv[1])
"""


def test_layers_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_imports_without_torch(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCK_TORCH, module],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_block_would_be_noticed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCK_TORCH, "winnow.lottery.masking"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "torch is blocked" in done.stderr


def test_torch_is_imported_only_where_it_trains() -> None:
    outside = [path for path in MODULES if not module_name(path).startswith(("winnow.lottery", "worker.runner"))]
    assert [path for path in outside if {name.partition(".")[0] for name in imported(tree(path))} & TORCH] == []


def test_no_module_reaches_into_another_ones_private_names() -> None:
    reached = [
        f"{path}: {node.module}.{alias.name}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PACKAGES
        for alias in node.names
        if alias.name.startswith("_")
    ]
    assert reached == []
