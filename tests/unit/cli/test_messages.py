"""What commands say where something is wrong: in words of the command line, before anything is sent where they can."""

import json
from pathlib import Path

import httpx
import pytest

from tests.support.fake_service import FakeService, job, problem
from winnow.cli.main import run
from winnow.cli.output import spoken
from winnow.contract.resources import Model, Page

POINT = {"at": {"seed": 1}, "state": "succeeded", "levels": [], "result": None}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pics.tgz"], "pics.tgz is none of .zip, .npz"),
        (["pics.zip", "--name", "a b"], "'a b' is no name of a data set: give one of letters"),
        (["my pics.zip"], "'my pics' is no name of a data set"),
        (["pics.zip", "--size", "8by8"], "'8by8' is no image size, as 32x32"),
    ],
)
def test_an_upload_that_would_be_refused_is_not_sent(
    arguments: list[str], says: str, tmp_path: Path, service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    file, *options = arguments
    (tmp_path / file).write_bytes(b"x")
    assert run(["upload", str(tmp_path / file), *options]) != 0
    assert says in capsys.readouterr().err
    assert service.requests == []


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("There is no job 'x'. GET /v1/jobs lists them.", "There is no job 'x'. `winnow jobs` lists them."),
        ("See GET /v1/architectures.", "See `winnow architectures`."),
        ("GET /v1/models?job=job_1 lists them.", "`winnow models --job job_1` lists them."),
        ("GET /v1/models/mdl_1 names it.", "GET /v1/models/mdl_1 names it."),
        ("POST /v1/datasets takes yours.", "`winnow upload` takes yours."),
    ],
)
def test_routes_are_told_as_commands(text: str, then: str) -> None:
    assert spoken(text) == then


def test_a_refusal_is_told_once_and_without_where_http_has_it(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = "There is no data set 'digit'. POST /v1/datasets takes yours."
    service.on("POST", "/v1/jobs", problem(422, lost, [{"loc": ["body", "dataset"], "msg": lost}]))
    assert run(["submit", "--dataset", "digit", "--model", "lenet5"]) == 1
    assert capsys.readouterr().err == "winnow: There is no data set 'digit'. `winnow upload` takes yours.\n"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (job("succeeded", points=[POINT]), "is a sweep, which has no levels of its own"),
        (job("failed", finished_at="2026-11-21T10:00:02Z"), "is failed with 0 levels; a curve wants two"),
        (job("running"), "is running with 0 levels so far; a curve wants two"),
    ],
)
def test_what_has_no_curve_says_whether_one_may_come(
    found: dict[str, object], says: str, service: FakeService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.on("GET", "/v1/jobs/job_1", httpx.Response(200, json=found))
    assert run(["jobs", "plot", "job_1", str(tmp_path / "curve.svg")]) == 2
    assert says in capsys.readouterr().err


def test_models_of_a_job_that_is_not_there_are_not_just_none(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = httpx.Response(200, json=Page[Model](items=(), next=None).model_dump(mode="json"))
    service.on("GET", "/v1/models", nothing)
    service.on("GET", "/v1/jobs/job_x", problem(404, "There is no job 'job_x'. GET /v1/jobs lists them."))
    service.on("GET", "/v1/jobs/job_1", httpx.Response(200, json=job()))
    assert run(["models", "--job", "job_x"]) == 1
    assert "There is no job 'job_x'. `winnow jobs` lists them." in capsys.readouterr().err
    assert run(["models", "--job", "job_1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_an_unknown_preset_is_told_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["submit", "--dataset", "digits", "--model", "lenet5", "--preset", "quick"]) == 2
    said = "winnow: Invalid value for '--preset': 'quick' is not one of 'fast', 'balanced', 'full'.\n"
    assert capsys.readouterr().err == said


def test_help_says_what_a_job_without_a_file_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["submit", "--help"]) == 0
    assert "Without FILE it is a `prune` job" in capsys.readouterr().out
