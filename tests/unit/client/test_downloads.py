import hashlib
from pathlib import Path

import httpx
import pytest

from tests.support.fake_service import FakeService, problem, stream
from winnow.client import Damaged, Refused, Unreachable
from winnow.contract.resources import ModelFile

CONTENT = bytes(range(256)) * 40
FILE = ModelFile(
    name="weights.safetensors",
    bytes=len(CONTENT),
    dense_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    media_type="application/octet-stream",
    opens_with="safetensors",
)
PATH = f"/v1/models/mdl_1/files/{FILE.name}"
CUT = httpx.ReadError("reset")


def test_a_file_arrives_whole_and_alone(tmp_path: Path) -> None:
    service = FakeService()
    service.on("GET", PATH, stream(CONTENT[:100], CONTENT[100:]))
    told: list[tuple[int, int]] = []

    with service.client() as client:
        path = client.download("mdl_1", FILE, tmp_path, lambda done, of: told.append((done, of)))

    assert path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]
    assert told == [(100, len(CONTENT)), (len(CONTENT), len(CONTENT))]


def test_a_download_that_broke_off_goes_on_from_its_last_byte(tmp_path: Path) -> None:
    service = FakeService()
    service.on("GET", PATH, stream(CONTENT[:1000], CUT), stream(CONTENT[1000:], status=206))

    with service.client() as client:
        assert client.download("mdl_1", FILE, tmp_path).read_bytes() == CONTENT

    assert service.requests[1].headers["Range"] == "bytes=1000-"
    assert service.requests[1].headers["If-Range"] == f'"{FILE.sha256}"'


def test_another_process_goes_on_too(tmp_path: Path) -> None:
    service = FakeService()
    service.on("GET", PATH, stream(CONTENT[:1000], CUT), httpx.ConnectError("refused"))
    with service.client() as client, pytest.raises(Unreachable):
        client.download("mdl_1", FILE, tmp_path)

    service.on("GET", PATH, stream(CONTENT[1000:], status=206))
    with service.client() as client:
        assert client.download("mdl_1", FILE, tmp_path).read_bytes() == CONTENT


def test_a_service_without_ranges_starts_from_the_beginning(tmp_path: Path) -> None:
    service = FakeService()
    service.on("GET", PATH, stream(CONTENT[:1000], CUT), stream(CONTENT))

    with service.client() as client:
        assert client.download("mdl_1", FILE, tmp_path).read_bytes() == CONTENT


def test_progress_renews_the_tries_and_standing_still_uses_them_up(tmp_path: Path) -> None:
    service = FakeService()
    steps = [stream(CONTENT[i * 1000 : (i + 1) * 1000], CUT, status=206 if i else 200) for i in range(8)]
    service.on("GET", PATH, *steps, stream(CUT, status=206))

    with service.client() as client, pytest.raises(Unreachable, match="broke"):
        client.download("mdl_1", FILE, tmp_path)

    assert len(service.requests) == 8 + 5


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"!", CONTENT + b"!", b""])
def test_other_bytes_than_promised_are_refused_and_not_kept(wrong: bytes, tmp_path: Path) -> None:
    service = FakeService()
    service.on("GET", PATH, stream(wrong))

    with service.client() as client, pytest.raises(Damaged, match="SHA-256"):
        client.download("mdl_1", FILE, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / FILE.name).write_bytes(CONTENT)

    with FakeService().client() as client:
        assert client.download("mdl_1", FILE, tmp_path).read_bytes() == CONTENT


def test_a_refusal_passes_through(tmp_path: Path) -> None:
    service = FakeService()
    service.on("GET", PATH, problem(404, "There is no model mdl_1."))

    with service.client() as client, pytest.raises(Refused, match="no model"):
        client.download("mdl_1", FILE, tmp_path)
