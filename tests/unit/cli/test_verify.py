"""A certificate and its files, as their reader checks them."""

import json
from pathlib import Path

import pytest

from winnow.artifact.certificate import write_certificate
from winnow.artifact.digest import file_ref
from winnow.cli.main import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A certificate that names one file, and beside it that file and another."""
    (tmp_path / "ticket.winnow").write_bytes(b"a ticket")
    (tmp_path / "other").write_bytes(b"another ticket")
    files = {"ticket.winnow": file_ref(tmp_path / "ticket.winnow").model_dump()}
    network = {"arm": "ticket", "level": 3, "replicate": 1, "model_id": "mdl_x", "files": files}
    write_certificate(tmp_path / "certificate.json", {"certificate": 1, "networks": [network]})
    return tmp_path


def test_what_a_certificate_names_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(folder / "certificate.json"), str(folder / "ticket.winnow")]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("certificate.json is as it was written")
    assert second.endswith("ticket.winnow is ticket.winnow of ticket, level 3, replicate 1, mdl_x")


def test_a_file_that_it_does_not_name_is_told_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(folder / name) for name in ("certificate.json", "ticket.winnow", "other")]
    assert run(["verify", *given]) == 1
    assert "other is none of its networks' files" in capsys.readouterr().out
    assert run(["verify", *given, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["files"][given[2]] == []


def test_a_changed_certificate_is_told_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "certificate.json"
    path.write_bytes(path.read_bytes().replace(b'"level":3', b'"level":4'))
    assert run(["verify", str(path)]) == 1
    assert "is not as it was written" in capsys.readouterr().err


def test_a_folder_stands_for_its_certificate_and_the_files_of_a_model_in_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(folder)]) == 0
    first, second = capsys.readouterr().out.splitlines()  # "other" is no name of a model's file
    assert first.startswith(str(folder / "certificate.json"))
    assert second.startswith(str(folder / "ticket.winnow"))
    assert run(["verify", str(folder / "certificate.json"), str(folder)]) == 0

    (folder / "ticket.winnow").write_bytes(b"changed")
    assert run(["verify", str(folder)]) == 1


def test_a_folder_with_nothing_to_check_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(tmp_path)]) == 1
    assert "certificate.json" in capsys.readouterr().err
    write_certificate(tmp_path / "certificate.json", {"certificate": 1})
    assert run(["verify", str(tmp_path / "certificate.json"), str(tmp_path)]) == 2
    assert "has no file of a model" in capsys.readouterr().err


def test_bytes_that_several_networks_have_are_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"ticket.winnow": file_ref(folder / "ticket.winnow").model_dump()}
    arms = [("ticket", "mdl_x"), ("random_reinit", None)]
    networks = [{"arm": arm, "level": 3, "replicate": 1, "model_id": name, "files": files} for arm, name in arms]
    write_certificate(folder / "certificate.json", {"certificate": 1, "networks": networks})
    assert run(["verify", str(folder)]) == 0
    assert capsys.readouterr().out.endswith("of ticket, level 3, replicate 1, mdl_x, and the same in 1 more\n")
