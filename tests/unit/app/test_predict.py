"""Predictions over HTTP: three forms of images, a model or a job to ask, and refusals that say what to send."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.predict import predictors
from app.predict.predictors import Predictors
from tests.support.api import PNG, Api, is_problem, png
from tests.support.driver import prune, train
from tests.support.networks import PERCEPTRON
from tests.support.objects import put_bytes
from winnow.contract.problems import Unavailable
from winnow.contract.resources import Predictions
from winnow.storage.objects import Objects

PIXELS = PERCEPTRON.images(3)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One service for what only asks."""
    with Api(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture(scope="module")
def model(shared: Api) -> str:
    return shared.a_model()


def ask(api: Api, model: str, **sent: Any) -> Predictions:
    answer = api.http.post("/predict", params={"model": model}, **sent)
    assert answer.status_code == 200, answer.text
    return Predictions.model_validate_json(answer.content)


def test_one_image_as_the_body(shared: Api, model: str) -> None:
    said = ask(shared, model, content=png(PIXELS[0]), headers={"Content-Type": PNG})
    assert (said.model_id, [one.name for one in said.predictions]) == (model, ["image"])
    one = said.predictions[0]
    assert one.label == PERCEPTRON.header.classes[one.index] == one.top[0].label
    assert sum(top.probability for top in one.top) == pytest.approx(1)


def test_three_forms_of_the_same_images_say_the_same(shared: Api, model: str) -> None:
    files = [("file", (f"{index}.png", png(pixels), PNG)) for index, pixels in enumerate(PIXELS)]
    by_form = ask(shared, model, files=files)
    by_json = ask(shared, model, json={"instances": PIXELS.tolist()})
    assert [one.name for one in by_form.predictions] == ["0.png", "1.png", "2.png"]
    assert [one.name for one in by_json.predictions] == ["instances[0]", "instances[1]", "instances[2]"]
    assert [one.probability for one in by_form.predictions] == [one.probability for one in by_json.predictions]


def test_a_model_is_asked_under_its_own_address_too(shared: Api, model: str) -> None:
    sent = {"content": png(PIXELS[0]), "headers": {"Content-Type": PNG}}
    there = shared.http.post(f"/v1/models/{model}/predict", **sent)
    assert Predictions.model_validate_json(there.content) == ask(shared, model, **sent)


def test_a_job_stands_for_its_targets_model(api: Api) -> None:
    api.driver.register()
    job = api.submit(prune(0.2))
    api.finish_with_model(api.driver.take())
    sent = {"json": {"instances": PIXELS.tolist()}}
    is_problem(api.http.post("/predict", params={"model": job["id"]}, **sent), 409, "running", "GET /v1/models?job=")
    api.finish_with_model(api.driver.take())
    target = api.get(f"/v1/jobs/{job['id']}").json()["result"]["target"]["model_id"]
    assert ask(api, job["id"], **sent).model_id == target


def test_without_a_name_the_default_model_is_asked(tmp_path: Path) -> None:
    store = f"file://{tmp_path / 'store'}"
    with Api(tmp_path, storage_url=store) as api:
        model = api.a_model()
        is_problem(api.http.post("/predict", json={"instances": PIXELS.tolist()}), 422, "?model=mdl_")
    with Api(tmp_path, storage_url=store, default_model=model) as api:
        answer = api.http.post("/predict", json={"instances": PIXELS.tolist()})
        assert answer.json()["model_id"] == model


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"content": b"no image", "headers": {"Content-Type": PNG}}, 422, "PNG, JPEG or WebP"),
        ({"content": png(PIXELS[0])[:90], "headers": {"Content-Type": PNG}}, 422, "cut off"),
        ({"content": b"", "headers": {"Content-Type": PNG}}, 422, "empty"),
        ({"content": b"GIF89a", "headers": {"Content-Type": "image/gif"}}, 415, "image/png"),
        ({"content": b"x"}, 415, "Content-Type"),
        ({"files": [("image", ("a.png", png(), PNG))]}, 422, "call each one `file`"),
        ({"files": [("file", ("cat.png", b"no image", PNG))]}, 422, "cat.png"),
        ({"files": [("file", (f"{n}", b"x", PNG)) for n in range(257)]}, 422, "at most 256"),
        ({"data": {"file": "text"}, "files": [("file", ("a", b"x"))]}, 422, "with a file name"),
        ({"content": b"--x--", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422, "`file`"),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "form"),
        ({"json": {"instances": []}}, 422, "1 to 256"),
        ({"json": {"instances": [[0]] * 257}}, 422, "257 images"),
        ({"json": {"instances": PIXELS.tolist(), "more": 1}}, 422, "nothing else"),
        ({"json": [1]}, 422, "instances"),
        ({"json": {"instances": [[[1, 2], [3]]]}}, 422, "instances[0]: the rows"),
        ({"json": {"instances": [[[256] * 6] * 6]}}, 422, "0 to 255"),
        ({"json": {"instances": [[[0.5] * 6] * 6]}}, 422, "whole numbers"),
        ({"json": {"instances": [[[0] * 5] * 6]}}, 422, "6×6×3"),
        ({"json": {"instances": ["cat"]}}, 422, "instances[0]"),
        ({"json": {"instances": [None]}}, 422, "instances[0]"),
        ({"json": {"instances": [{"a": 1}]}}, 422, "instances[0]"),
        ({"content": b'{"instances": [[NaN]]}', "headers": {"Content-Type": "application/json"}}, 422, "instances[0]"),
        ({"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 400, "nested"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "not JSON"),
        ({"content": b" " * 9_000_000, "headers": {"Content-Type": "application/json"}}, 413, "bytes"),
    ],
)
def test_what_is_no_image_is_refused_with_a_way_out(
    shared: Api, model: str, sent: dict[str, Any], status: int, said: str
) -> None:
    is_problem(shared.http.post("/predict", params={"model": model}, **sent), status, said)


@pytest.mark.parametrize("model", ["mdl_0", "job_0", "x"])
def test_a_model_that_is_not_there_is_not_found(shared: Api, model: str) -> None:
    is_problem(shared.http.post("/predict", params={"model": model}, json={"instances": [[[1]]]}), 404, model)


def test_the_last_models_asked_stay_loaded_and_fetched_ones_are_thrown_out(
    tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [api.stored_model(f"{seed:06}")["model.onnx"] for seed in range(4)]
    monkeypatch.setattr(predictors, "LOADED_BYTES", names[0].bytes * 2)
    monkeypatch.setattr(predictors, "CACHED_BYTES", names[0].bytes * 3)
    kept = Predictors(api.parts.objects, tmp_path / "fetched")
    first = kept.get(names[0].sha256)
    assert kept.get(names[0].sha256) is first
    for file in names:
        kept.get(file.sha256)
    assert kept.get(names[0].sha256) is not first
    assert len(list((tmp_path / "fetched").iterdir())) == 3


def test_who_asks_a_loaded_model_does_not_wait_until_another_one_is_fetched(
    tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick, slow = (api.stored_model(f"{seed:06}")["model.onnx"].sha256 for seed in range(2))
    kept = Predictors(api.parts.objects, tmp_path / "fetched")
    first = kept.get(quick)
    fetching, go_on, fetch = threading.Event(), threading.Event(), Objects.fetch
    fetched: list[str] = []

    def fetch_slowly(self: Objects, sha256: str, to: Path) -> None:
        fetched.append(sha256)
        fetching.set()
        assert go_on.wait(60)
        fetch(self, sha256, to)

    monkeypatch.setattr(Objects, "fetch", fetch_slowly)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(kept.get, slow) for _ in range(2)]
        assert fetching.wait(60)
        assert kept.get(quick) is first
        go_on.set()
        assert both[0].result() is both[1].result()
    assert fetched == [slow], "two that ask for one model fetch it once"


def test_a_model_that_is_damaged_in_the_store_is_not_the_callers_fault(tmp_path: Path) -> None:
    objects = Objects.open(f"file://{tmp_path / 'store'}")
    ref = put_bytes(objects, b"model")
    next((tmp_path / "store").rglob(ref.sha256)).write_bytes(b"other")
    with pytest.raises(Unavailable, match="damaged"):
        Predictors(objects, tmp_path / "fetched").get(ref.sha256)


def test_a_fetched_model_that_is_torn_is_fetched_again(tmp_path: Path, api: Api) -> None:
    file = api.stored_model("000000")["model.onnx"]
    (tmp_path / "fetched").mkdir()
    torn = tmp_path / "fetched" / f"{file.sha256}.onnx"
    torn.write_bytes(b"")
    assert Predictors(api.parts.objects, tmp_path / "fetched").get(file.sha256)
    assert torn.stat().st_size == file.bytes


def test_a_job_that_trains_only_has_a_target_too(api: Api) -> None:
    api.driver.register()
    job = api.submit(train())
    api.finish_with_model(api.driver.take())
    assert ask(api, job["id"], json={"instances": PIXELS.tolist()}).model_id.startswith("mdl_")
