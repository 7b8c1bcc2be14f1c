"""What the client sends: images in batches, data sets a piece at a time."""

from pathlib import Path

import httpx
import pytest

from tests.support.fake_service import FakeService

DATASET = {
    "id": "dst_1",
    "name": "mine",
    "source": "upload",
    "fingerprint": "f" * 64,
    "classes": ["a", "b"],
    "counts": [3, 4],
    "test_counts": None,
    "channels": 1,
    "size": [8, 8],
}


def predictions(names: list[str]) -> httpx.Response:
    one = {"label": "7", "index": 7, "probability": 0.9, "top": []}
    return httpx.Response(200, json={"model_id": "mdl_1", "predictions": [one | {"name": name} for name in names]})


def test_images_go_in_batches_and_come_back_in_order(tmp_path: Path) -> None:
    images = [tmp_path / f"{i}.png" for i in range(300)]
    for image in images:
        image.write_bytes(b"png")
    service = FakeService()
    names = [image.name for image in images]
    service.on("POST", "/predict", predictions(names[:256]), predictions(names[256:]))

    with service.client() as client:
        answer = client.predict("mdl_1", images)

    assert [one.name for one in answer.predictions] == names
    assert [request.content.count(b'name="file"') for request in service.requests] == [256, 44]
    assert service.requests[0].url.query == b"model=mdl_1"


def test_no_image_is_a_mistake() -> None:
    with FakeService().client() as client, pytest.raises(ValueError, match="one image at least"):
        client.predict_arrays("mdl_1", [])


@pytest.mark.parametrize(("suffix", "kind"), [("zip", "application/zip"), ("npz", "application/x-npz")])
def test_an_upload_says_what_it_is_and_how_long(suffix: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"mine.{suffix}"
    file.write_bytes(b"x" * 100_000)
    service = FakeService()
    service.on("POST", "/v1/datasets", httpx.Response(201, json=DATASET))

    with service.client() as client:
        assert client.upload(file, "mine", "8").id == "dst_1"

    sent = service.requests[0]
    assert (sent.headers["Content-Type"], sent.headers["Content-Length"]) == (kind, "100000")
    assert sent.content == b"x" * 100_000
    assert sent.url.query == b"name=mine&size=8"
