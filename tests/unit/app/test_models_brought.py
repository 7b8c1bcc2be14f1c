"""Bringing a network over HTTP: what is kept, and what is told to those whose weights do not fit."""

import json
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import Connection

from app.models import bringing
from tests.support.api import Api, is_problem
from tests.support.brought import SPEC, half_pruned, safetensors, weights
from winnow.db.tables import files, jobs, models, units
from winnow.jobs import objects as object_rows
from winnow.jobs.submit import submit


def push(api: Api, sent: bytes | None = None, name: str = "mine", **changes: Any) -> httpx.Response:
    parts: dict[str, Any] = {"weights": ("w.safetensors", safetensors(weights()) if sent is None else sent)}
    mask = changes.pop("mask", None)
    if mask is not None:
        parts["mask"] = ("m.safetensors", mask)
    return api.http.post("/v1/models", params={"name": name}, data={"spec": json.dumps(SPEC | changes)}, files=parts)


def nothing_is_kept(api: Api) -> bool:
    return (
        not any(api.driver.all(table.select()) for table in (jobs, units, models, files)) and not api.left_in_uploads()
    )


def test_a_network_is_a_model_at_once_and_a_job_makes_its_files(api: Api) -> None:
    answer = push(api)
    model = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/models/{model['id']}")
    assert (model["kind"], model["name"], model["architecture"]) == ("brought", "mine", "digits_cnn")
    assert (model["zeros"], model["test_accuracy"], model["dataset_fingerprint"]) == (0, None, None)
    [job] = model["jobs"]
    assert api.get(f"/v1/jobs/{job}").json()["kind"] == "evaluate"
    assert api.get(answer.headers["Location"]).json() == model
    assert api.get("/v1/models").json()["items"] == [model]
    asked = api.http.post("/predict", params={"model": model["id"]}, json={"instances": [[[0] * 8] * 8]})
    assert is_problem(asked, 409, "worker")
    assert not api.left_in_uploads()


def test_the_same_network_again_is_the_same_model(api: Api) -> None:
    first, second = push(api), push(api)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(api.driver.all(jobs.select())) == 1


def test_a_network_whose_files_nobody_makes_gets_another_job_when_it_comes_again(api: Api) -> None:
    [job] = push(api).json()["jobs"]
    api.http.post(f"/v1/jobs/{job}/cancel")
    again = push(api)
    assert again.status_code == 200
    states = {one: api.get(f"/v1/jobs/{one}").json()["state"] for one in again.json()["jobs"]}
    assert sorted(states.values()) == ["cancelled", "queued"]


def test_one_that_is_being_stopped_counts_as_made_by_nobody(api: Api) -> None:
    api.driver.register()
    [job] = push(api).json()["jobs"]
    api.driver.take()
    api.http.post(f"/v1/jobs/{job}/cancel")
    assert len(push(api).json()["jobs"]) == 2


def test_one_that_has_just_failed_does_too(api: Api) -> None:
    api.driver.register()
    push(api)
    api.driver.fail(api.driver.take())
    assert len(push(api).json()["jobs"]) == 2


def test_weights_that_the_sweep_has_come_for_meanwhile_are_to_be_sent_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_rows, "hold", lambda *_: False)
    assert is_problem(push(api), 503, "Send it again")
    assert api.driver.all(models.select()) == []


def test_a_name_means_one_network_and_a_network_has_one_name(api: Api) -> None:
    push(api)
    assert is_problem(push(api, safetensors(weights(seed=1))), 409, "another name")
    assert is_problem(push(api, name="other"), 409, "'mine'")
    assert len(api.driver.all(models.select())) == 1


def test_a_network_under_the_name_of_another_is_refused_and_told_its_own(api: Api) -> None:
    push(api)
    push(api, safetensors(weights(seed=1)), name="other")
    assert is_problem(push(api, name="other"), 409, "'mine'")


def test_of_two_networks_sent_under_one_name_at_once_one_is_refused_with_all_it_brought(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one's row comes after this one has looked and before it is written down."""

    def overtaken(conn: Connection, *args: Any, **more: Any) -> Any:
        conn.execute(models.update().values(name="mine"))
        return submit(conn, *args, **more)

    push(api, safetensors(weights(seed=1)), name="other")
    before = len(api.driver.all(jobs.select()))
    monkeypatch.setattr(bringing, "submit", overtaken)
    assert is_problem(push(api), 409, "another name")
    assert [row.name for row in api.driver.all(models.select())] == ["other"]
    assert len(api.driver.all(jobs.select())) == before


def test_mean_and_deviation_are_taken_as_they_were_measured_and_as_winnows_own_files_have_them(api: Api) -> None:
    measured = {"channels": 1, "size": [8, 8], "mean": [0.3050176910022123], "std": [0.37523962335481261]}
    assert push(api, input=measured).status_code == 201
    rounded = {"channels": 1, "size": [8, 8], "mean": [0.305017691002212], "std": [0.375239623354813]}
    assert push(api, input=rounded).status_code == 200, "the same network"


def test_zeros_and_masks_are_counted(api: Api) -> None:
    said = push(api, safetensors(half_pruned()), zeros="masked").json()
    assert said["zeros"] / said["prunable"] == pytest.approx(0.5, abs=0.01)
    first = next(name for name, array in weights().items() if array.ndim > 1)
    mask = safetensors({first: np.zeros(weights()[first].shape, np.uint8)})
    masked = push(api, name="masked", mask=mask).json()
    assert masked["zeros"] == weights()[first].size
    assert masked["id"] != said["id"]


def test_weights_that_do_not_fit_are_told_which_and_nothing_is_kept(api: Api) -> None:
    sent = weights()
    gone = next(iter(sent))
    del sent[gone]
    answer = push(api, safetensors(sent | {"extra": np.zeros(1, np.float32)}))
    assert is_problem(answer, 422, "1 missing")
    body = answer.json()
    assert (body["missing"], body["unexpected"], body["wrong_shape"]) == ([gone], ["extra"], [])
    assert nothing_is_kept(api)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"architecture": "resnet21"}, "Did you mean"),
        ({"classes": ["a"]}, "classes"),
        ({"classes": ["a", "a"]}, "once"),
        ({"input": {"channels": 3, "size": [8, 8], "mean": [0.1], "std": [1, 1, 1]}}, "as many numbers"),
        ({"input": {"channels": 1, "size": [1, 1], "mean": [0], "std": [1]}}, "at least"),
        ({"colour": "red"}, "colour"),
        ({"input": {"channels": 1, "size": [8, 8], "mean": [0], "std": [0]}}, "greater than 0"),
        ({"input": {"channels": 1, "size": [8, 8], "mean": ["1e9999999"], "std": [1]}}, "mean"),
        ({"classes": ["a\0", "b"]}, "NUL"),
    ],
)
def test_a_spec_that_cannot_be_met_is_refused(api: Api, changes: dict[str, Any], says: str) -> None:
    assert is_problem(push(api, **changes), 422, says)
    assert nothing_is_kept(api)


def test_what_is_no_network_is_refused(api: Api) -> None:
    assert is_problem(push(api, b""), 422, "weights")
    assert is_problem(push(api, b"not safetensors at all"), 422, "The file `weights` is no safetensors file")
    assert is_problem(push(api, b"not safetensors at all"), 422, "winnow convert")
    for entry in (b'"a":{"dtype":"F32","shape":[1e999]}', b'"\\ud800":{"dtype":"F32","shape":[]}'):
        header = b"{" + entry + b"}"
        assert is_problem(push(api, len(header).to_bytes(8, "little") + header), 422, "is no safetensors file")
    assert is_problem(push(api, mask=b"nor this"), 422, "The file `mask` is no")
    assert is_problem(api.http.post("/v1/models", params={"name": "x"}, json={}), 415, "multipart")
    assert is_problem(api.http.post("/v1/models", params={"name": "x"}, files={"weights": ("w", b"1")}), 422, "spec")
    sent = {"weights": ("w", b"1"), "extra": ("e", b"2")}
    assert is_problem(api.http.post("/v1/models", params={"name": "x"}, files=sent), 422, "extra")
    assert is_problem(push(api, name="../x"), 422, "name")
    assert nothing_is_kept(api)


def test_an_evaluation_wants_a_model_whose_classes_the_data_set_has(api: Api) -> None:
    model = push(api).json()["id"]
    api.submit({"kind": "evaluate", "model": model, "dataset": "digits"})
    refused = api.http.post("/v1/jobs", json={"kind": "evaluate", "model": model, "dataset": "fashion_mnist"})
    assert is_problem(refused, 422, "matched by name")
    unknown = api.http.post("/v1/jobs", json={"kind": "evaluate", "model": "mdl_nothing", "dataset": "digits"})
    assert is_problem(unknown, 422, "no model")
    fresh = api.http.post("/v1/jobs", json={"kind": "evaluate", "model": "lenet5", "dataset": "digits"})
    assert is_problem(fresh, 422, "no model")
