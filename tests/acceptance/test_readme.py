"""The README's own text is run: its commands exist, and its job in curl does what it says on a real service."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from tests.support.service import ROOT
from tests.support.serving import serving
from winnow.artifact.ticket import read_ticket

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


def run_curl(text: str, folder: Path, url: str) -> str:
    """What the text prints, run as it stands."""
    command = ["bash", "-euo", "pipefail", "-c", text]
    environment = {**os.environ, "WINNOW_URL": url}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_line(line: str, folder: Path, url: str) -> str:
    """What a command prints, as a user in `.venv` gives it."""
    command = [str(Path(sys.executable).with_name("winnow")), *line.split()[1:]]
    environment = {**os.environ, "WINNOW_URL": url}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout


def run_program(folder: Path, url: str) -> None:
    """The program of docs/operating.md, whose job is the one above, so that all of it is there."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    program = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0].replace("http://127.0.0.1:8000", url)
    here = folder / "program"
    here.mkdir()
    bring(here)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    *_, last, label = done.stdout.splitlines()
    assert last == "succeeded 100%"
    assert label in set("0123456789")
    assert (here / "ticket.winnow").is_file()


def bring(folder: Path) -> None:
    """The files of the user's own that the README's commands name."""
    (folder / "recipes").symlink_to(ROOT / "recipes")
    torch.save({"fc.weight": torch.zeros(2, 2)}, folder / "state.pt")
    with zipfile.ZipFile(folder / "my-images.zip", "w") as archive:
        for number in range(20):
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", (ROOT / "recipes" / "three.png").read_bytes())


@pytest.mark.timeout(600)
def test_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    serve, curl = blocks("A job, in curl")
    assert serve == "make serve\n"
    bring(tmp_path)

    with serving(tmp_path / "home") as service, service.client() as client:
        printed = run_curl(curl, tmp_path, service.url)
        check_curl(printed, tmp_path)
        (job,) = client.jobs()
        lines = [line.partition("#")[0] for line in blocks("The same from the command line")[0].splitlines()]
        for line in lines:
            if not line.startswith("winnow run"):  # tests/unit/cli/test_run.py has a shorter job
                assert run_line(line.replace("JOB_OR_MODEL", job.id), tmp_path, service.url)

        second, first = client.jobs()
        assert first.id == job.id
        assert second.result == first.result
        assert {path.name for path in (tmp_path / "ticket").iterdir()} == {
            "ticket.winnow",
            "weights.safetensors",
            "mask.safetensors",
            "model.onnx",
            "certificate.json",
        }
        assert "mine" in [dataset.name for dataset in client.datasets()]
        run_program(tmp_path, service.url)


def check_curl(printed: str, folder: Path) -> None:
    """What the job in curl leaves is what the text says."""
    table, answer = printed.rsplit("\n", 1)
    assert table.startswith("level,arm,replicate")
    assert len(table.splitlines()) == 1 + 3 * (1 + 4 * 3)
    assert len(json.loads(answer)["predictions"]) == 1
    masks = read_ticket(folder / "ticket.winnow").masks.values()
    kept, prunable = sum(int(mask.sum()) for mask in masks), sum(mask.size for mask in masks)
    assert prunable - kept == round(0.9 * prunable)
    certificate = json.loads((folder / "certificate.json").read_bytes())
    assert certificate["found"]["target"]["sparsity"] == pytest.approx(0.9, abs=1e-4)
    assert all(check["ok"] for check in certificate["audit"])
