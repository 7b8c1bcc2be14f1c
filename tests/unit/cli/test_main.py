"""How commands end: exit codes, words on standard error, JSON alone on standard output."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from winnow.cli.main import run

NOBODY = ["--url", "http://127.0.0.1:1"]

BLOCKED = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "onnxruntime", "sqlalchemy"}:
            raise ImportError(f"{name} is loaded by the command line")

sys.meta_path.insert(0, NoTorch())
from winnow.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "submit",
        "jobs",
        "models",
        "download",
        "predict",
        "upload",
        "datasets",
        "architectures",
        "criteria",
        "run",
        "convert",
        "unpack",
        "verify",
    ],
)
def test_help_needs_neither_torch_nor_the_service(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, command, "--help"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert f"winnow {command}" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit"],
        ["submit", "no-such-file.json"],
        ["predict", "mdl_1"],
        ["jobs", "--limit", "0"],
        ["jobs", "--api-key", "schlüssel"],
        ["no-such-command"],
        ["submit", "--replicates", "many"],
    ],
)
def test_a_wrong_call_exits_with_2_and_a_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("winnow: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (["jobs", *NOBODY], ["show", "job_1"]),
        (["jobs", "--json"], ["show", "job_1"]),
        (["jobs", "--limit", "3"], ["cancel", "job_1"]),
        (["models", "--api-key", "k"], ["push", __file__]),
    ],
)
def test_an_option_before_a_subcommand_is_not_dropped_in_silence(
    before: list[str], behind: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*before, *behind]) == 2
    assert f"{before[1]} stands before the subcommand" in capsys.readouterr().err


def test_a_subcommand_takes_the_environment_as_the_list_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WINNOW_URL", "http://127.0.0.1:2")
    assert run(["jobs", "show", "job_1"]) == 1
    assert "http://127.0.0.1:2" in capsys.readouterr().err


def test_no_service_exits_with_1_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", *NOBODY]) == 1

    assert "is `winnow serve` running?" in capsys.readouterr().err


def test_with_json_the_error_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", "show", "job_1", "--json", *NOBODY]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert "winnow serve" in json.loads(err)["error"]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"winnow {version('winnow')}\n"


def test_the_url_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WINNOW_URL", "http://127.0.0.1:2")

    assert run(["jobs"]) == 1
    assert "http://127.0.0.1:2" in capsys.readouterr().err


def test_a_bad_file_is_told_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ticket = tmp_path / "ticket.winnow"
    ticket.write_bytes(b"not a ticket")

    assert run(["unpack", str(ticket), str(tmp_path / "out")]) == 1
    assert "no ticket" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
