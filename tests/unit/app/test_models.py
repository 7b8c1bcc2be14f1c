"""Models over HTTP: listed as soon as they are made, and their files, byte for byte, whole or in part."""

import hashlib

import httpx
import pytest

from tests.support.api import Api, is_problem
from tests.support.driver import prune, train
from winnow.artifact.ticket import read_ticket
from winnow.client import Client
from winnow.contract.resources import Model, ModelFile, Page

NAMES = ["ticket.winnow", "weights.safetensors", "mask.safetensors", "model.onnx"]


def listed(api: Api, model: str) -> dict[str, ModelFile]:
    page = Page[ModelFile].model_validate_json(api.get(f"/v1/models/{model}/files").content)
    return {file.name: file for file in page.items}


def test_a_level_is_a_model_while_its_job_still_runs(api: Api) -> None:
    api.driver.register()
    job = api.submit(prune(0.36))
    for _ in range(2):
        api.finish_with_model(api.driver.take())
    assert api.get(f"/v1/jobs/{job['id']}").json()["state"] == "running"
    models = Page[Model].model_validate_json(api.get("/v1/models", params={"job": job["id"]}).content).items
    assert [(model.kind, model.level, model.jobs) for model in models] == [
        ("level", 1, (job["id"],)),
        ("train", 0, (job["id"],)),
    ]
    assert models[0].sparsity == pytest.approx(0.2, abs=1e-3)
    assert api.get(models[0].links["self"]).json()["id"] == models[0].id


def test_a_model_tells_what_was_measured(api: Api) -> None:
    api.driver.register()
    api.submit(train())
    held = api.driver.take()
    found = api.driver.result(held.unit)
    score = found.metrics.test.model_copy(
        update={
            "correct_top5": 350,
            "correct_coarse": 345,
            "correct_by_class": (30, 0, *(36,) * 8),
            "images_by_class": (36, 0, *(36,) * 8),
            "calibration_error": 0.125,
        }
    )
    tensors = tuple(tensor.model_copy(update={"multiplications": 4}) for tensor in found.tensors)
    metrics = found.metrics.model_copy(update={"test": score})
    api.driver.finish(held, metrics=metrics, tensors=tensors, macs_dense=4 * 1410)
    [model] = Page[Model].model_validate_json(api.get("/v1/models").content).items
    assert (model.test_top5_accuracy, model.test_coarse_accuracy) == (350 / 360, 345 / 360)
    assert (model.test_calibration_error, model.test_accuracy_by_class) == (0.125, (30 / 36, None, *(1.0,) * 8))
    assert (model.parameters, model.nonzeros) == (2000, 2000)
    assert (model.macs_dense, model.macs_effective) == (4 * 1410, 4 * 1410)


def test_what_was_not_measured_is_null(api: Api) -> None:
    """Models from before there were these numbers."""
    model = api.get(f"/v1/models/{api.a_model()}").json()
    new = ("test_top5_accuracy", "test_coarse_accuracy", "test_accuracy_by_class", "test_calibration_error")
    assert {model[name] for name in (*new, "macs_dense", "macs_effective")} == {None}


def test_a_model_that_two_jobs_need_names_both(api: Api) -> None:
    api.driver.register()
    one, two = api.submit(train()), api.submit(prune(0.2))
    api.driver.work()
    dense = api.get("/v1/models", params={"job": one["id"]}).json()["items"][0]
    assert dense["jobs"] == [one["id"], two["id"]]


def test_models_are_listed_page_by_page_newest_first(api: Api) -> None:
    api.driver.register()
    api.submit(prune(0.6))
    api.driver.work()
    whole = [item["id"] for item in api.get("/v1/models").json()["items"]]
    seen, cursor = [], None
    while True:
        answer = api.get("/v1/models", params={"limit": "2"} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert seen == whole
    assert len(set(whole)) == 6


def test_a_models_files_say_what_they_are(api: Api) -> None:
    files = listed(api, api.a_model())
    assert list(files) == NAMES
    assert files["ticket.winnow"].dense_bytes == files["weights.safetensors"].bytes
    assert files["model.onnx"].dense_bytes == files["model.onnx"].bytes
    assert all(file.opens_with and file.media_type.startswith("application/") for file in files.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_file_arrives_as_it_is(api: Api, name: str) -> None:
    model = api.a_model()
    file = listed(api, model)[name]
    answer = api.get(f"/v1/models/{model}/files/{name}")
    assert hashlib.sha256(answer.content).hexdigest() == file.sha256
    assert answer.headers["etag"] == f'"{file.sha256}"'
    assert int(answer.headers["content-length"]) == file.bytes
    assert answer.headers["content-type"] == file.media_type
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="lenet_300_100-sparsity-0.0000-{model}-{name}"'
    )


def test_a_downloaded_ticket_can_be_read(api: Api, tmp_path_factory: pytest.TempPathFactory) -> None:
    model = api.a_model()
    with Client(api.url) as client:
        file = next(file for file in client.files(model) if file.name == "ticket.winnow")
        path = client.download(model, file, tmp_path_factory.mktemp("download"))
    assert read_ticket(path).header.architecture == "perceptron"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=100-", 100, None), ("bytes=-7", -7, None)],
)
def test_a_part_of_a_file(api: Api, asked: str, start: int, end: int | None) -> None:
    path = f"/v1/models/{api.a_model()}/files/weights.safetensors"
    whole = api.get(path).content
    answer = api.get(path, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == whole[start:end]
    first = start % len(whole)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(whole)}"


def test_a_part_that_is_not_there_cannot_be_had(api: Api) -> None:
    path = f"/v1/models/{api.a_model()}/files/ticket.winnow"
    size = len(api.get(path).content)
    answer = api.get(path, headers={"Range": f"bytes={size}-"})
    assert is_problem(answer, 416, f"{size} bytes")["type"].endswith("range-not-satisfiable")
    assert answer.headers["content-range"] == f"bytes */{size}"


def test_a_download_goes_on_only_with_the_same_bytes(api: Api) -> None:
    path = f"/v1/models/{api.a_model()}/files/ticket.winnow"
    etag = api.get(path).headers["etag"]
    assert api.get(path, headers={"Range": "bytes=5-", "If-Range": etag}).status_code == 206
    assert api.get(path, headers={"Range": "bytes=5-", "If-Range": '"other"'}).status_code == 200


@pytest.mark.parametrize("form", ["{}", "W/{}", '"a", {}', "*"])
def test_bytes_that_are_there_already_are_not_sent_again(api: Api, form: str) -> None:
    path = f"/v1/models/{api.a_model()}/files/ticket.winnow"
    etag = api.get(path).headers["etag"]
    answer = api.get(path, headers={"If-None-Match": form.format(etag)})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


def test_head_tells_what_get_would_send(api: Api) -> None:
    path = f"/v1/models/{api.a_model()}/files/ticket.winnow"
    head, get = api.http.head(path), api.get(path)
    assert (head.status_code, head.content) == (200, b"")
    same = ("content-length", "etag", "content-type", "content-disposition")
    assert [head.headers[name] for name in same] == [get.headers[name] for name in same]


@pytest.mark.parametrize("name", ["graph.onnx", "state-0.safetensors", "..%2fwinnow.db", "%2e%2e", "nope"])
def test_only_a_models_files_can_be_downloaded(api: Api, name: str) -> None:
    model = api.a_model()
    is_problem(httpx.get(f"{api.url}/v1/models/{model}/files/{name}", trust_env=False), 404)


@pytest.mark.parametrize("below", ["", "/files", "/files/model.onnx"])
def test_a_model_that_is_not_there_is_not_found(api: Api, below: str) -> None:
    is_problem(api.get(f"/v1/models/mdl_0{below}"), 404, "There is no model 'mdl_0'")
