"""The bell in a folder: whole messages, one reader each, and nothing that breaks whoever listens."""

import json
import logging
from pathlib import Path

import pytest
from celery import Celery

from tests.support.bells import heard
from tests.support.servers import free_port
from winnow.contract.problems import InvalidSpec
from winnow.jobs.dispatch import bell, queue_name, ring


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a bell"


@pytest.fixture
def app(folder: Path) -> Celery:
    return bell(folder.as_uri().replace("file://", "filesystem://"))


def test_a_ring_is_heard_once_by_its_resource(app: Celery, folder: Path) -> None:
    assert ring(app, "cpu")
    assert ring(app, "gpu")
    assert heard(app, "cpu") == ["ring"]
    assert heard(app, "cpu", seconds=0.3) == []
    assert [path.name.partition(".")[2] for path in folder.iterdir()] == [f"{queue_name('gpu')}.msg"]
    assert heard(app, "gpu") == ["ring"]
    assert list(folder.iterdir()) == [], "a message that was taken leaves nothing"


def test_a_message_carries_nothing(app: Celery, folder: Path) -> None:
    ring(app, "cpu")
    [message] = folder.iterdir()
    assert json.loads(message.read_text())["headers"]["argsrepr"] == "()"


@pytest.mark.parametrize(
    "content", [b"", b'{"half', b"\xff\xfe", b"[]", b'"text"', b"{}", b'{"body": 3, "properties": {}}']
)
def test_what_nobody_can_read_is_dropped_and_said(
    app: Celery, folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / f"0.{queue_name('cpu')}.msg").write_bytes(content)
    ring(app, "cpu")
    with caplog.at_level(logging.WARNING, "winnow.jobs.brokers"):
        assert heard(app, "cpu") == ["ring"]
    assert "dropped a message" in caplog.text
    assert list(folder.iterdir()) == []


def test_a_message_half_written_is_not_seen(app: Celery, folder: Path) -> None:
    ring(app, "cpu")
    [message] = folder.iterdir()
    message.rename(folder / f".{message.name}")
    assert heard(app, "cpu", seconds=0.3) == []


def test_a_broker_that_is_away_is_said_and_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    app = bell(f"redis://127.0.0.1:{free_port()}/0")
    with caplog.at_level(logging.WARNING, "winnow.jobs.dispatch"):
        assert not ring(app, "cpu")
    assert "the broker is away" in caplog.text


def test_a_folder_that_cannot_be_written_is_a_broker_that_is_away(app: Celery, folder: Path) -> None:
    folder.rmdir()
    folder.write_text("in the way")
    assert not ring(app, "cpu")


def test_another_kind_of_broker_is_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"amqp://.*filesystem:///some/folder or redis://"):
        bell("amqp://here")
