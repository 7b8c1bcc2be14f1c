"""What jobs can name: from the contract, or from a service."""

import json

import httpx
import pytest

from tests.support.fake_service import FakeService
from winnow.cli.main import run
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.criteria import CRITERIA
from winnow.contract.resources import Dataset, Page

DIGITS = Dataset(
    id="digits",
    name="digits",
    source="builtin",
    fingerprint="f",
    classes=("0", "1"),
    counts=(900, 800),
    test_counts=(90, 7),
    channels=1,
    size=(8, 8),
)


@pytest.mark.parametrize(("command", "known"), [("architectures", ARCHITECTURES), ("criteria", CRITERIA)])
def test_catalogs_are_listed_with_no_service(
    command: str, known: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command]) == 0
    shown = capsys.readouterr().out
    assert [name for name in known if name not in shown] == []
    assert run([command, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == list(known)
    assert "layers" not in listed[0]


def test_data_sets_are_listed(service: FakeService, capsys: pytest.CaptureFixture[str]) -> None:
    page = Page[Dataset](items=(DIGITS,), next=None).model_dump(mode="json")
    service.on("GET", "/v1/datasets", httpx.Response(200, json=page))
    assert run(["datasets"]) == 0
    assert "digits    builtin  1,797   1×8×8" in capsys.readouterr().out
    assert run(["datasets", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["digits"]
