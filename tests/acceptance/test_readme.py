"""The README's own text is run: its commands exist, and its job in curl does what it says on a real service."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.service import ROOT
from tests.support.serving import serving
from winnow.artifact.ticket import read_ticket
from winnow.cli.main import run

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """The shell blocks under a heading."""
    section = README.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found, heading
    return found


def test_the_commands_of_make_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"`?make ([a-z]+)", README)

    assert {"demo", "test", "serve", "help", "env", "up"} <= set(named)
    assert [name for name in named if not re.search(rf"^{name}:.*## ", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("line", blocks("The same from the command line")[0].splitlines())
def test_the_commands_of_winnow_take_these_options(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, command, *arguments = line.partition("#")[0].split()

    assert run([command, "--help"]) == 0

    shown = capsys.readouterr().out
    assert [option for option in arguments if option.startswith("--") and option not in shown] == []


@pytest.mark.timeout(600)
def test_the_job_in_curl_runs_as_it_stands(tmp_path: Path) -> None:
    serve, text = blocks("A job, in curl")
    assert serve == "make serve\n"
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")

    with serving(tmp_path / "home") as service:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=tmp_path,
            env={**os.environ, "WINNOW_URL": service.url},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    table, answer = done.stdout.rsplit("\n", 1)
    assert table.startswith("level,arm,replicate")
    assert len(table.splitlines()) == 1 + 3 * (1 + 4 * 3)
    assert len(json.loads(answer)["predictions"]) == 1
    ticket = read_ticket(tmp_path / "ticket.winnow")
    kept = [int(mask.sum()) / mask.size for mask in ticket.masks.values()]
    assert all(0 < share < 1 for share in kept)
    certificate = json.loads((tmp_path / "certificate.json").read_bytes())
    assert certificate["found"]["target"]["sparsity"] == pytest.approx(0.9, abs=1e-4)
    assert all(check["ok"] for check in certificate["audit"])
