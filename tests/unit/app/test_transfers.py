"""Transfers over HTTP: a model that a job made is carried on; what cannot be is refused."""

from typing import Any

import pytest

from tests.support.api import Api, is_problem

HALF = {"name": "digits", "classes": list("01234")}


def transfer(model: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "transfer", "model": model, "dataset": HALF, "train": {"steps": 12}, "replicates": 1} | fields


def test_a_model_made_by_a_job_is_carried_to_other_classes(api: Api) -> None:
    model = api.a_model()
    job = api.submit(transfer(model, trainable="head"))
    assert job["spec"]["arms"] == ["no_mask", "mask_random"]
    assert job["spec"]["dataset"]["size"] == [8, 8]
    assert job["progress"]["units_total"] == 5
    while api.driver.work():
        pass
    shown = api.get(f"/v1/jobs/{job['id']}").json()
    assert shown["state"] == "succeeded", shown["error"]
    (row,) = shown["levels"]
    assert (row["level"], row["verdict"], list(row["arms"])) == (1, None, ["no_mask", "mask_random"])
    assert shown["result"]["target"]["model_id"] == row["model_id"] == row["models"][0]["model_id"] != model
    rows = api.get(f"/v1/jobs/{job['id']}/table").json()["rows"]
    assert [row["arm"] for row in rows] == ["source", "no_mask", "mask_random"]
    assert api.get(f"/v1/jobs/{job['id']}/certificate").status_code == 200


def test_a_ticket_is_carried_with_its_arms_and_its_state(api: Api) -> None:
    api.driver.register()
    pruned = api.submit(
        {
            "kind": "prune",
            "dataset": "digits",
            "model": "lenet_300_100",
            "target": {"sparsity": 0.5},
            "train": {"steps": 12},
            "method": {"schedule": "one_shot", "rewind": {"step": 5}},
            "arms": ["ticket"],
            "replicates": 1,
        }
    )
    api.driver.work()
    ticket = api.get(f"/v1/jobs/{pruned['id']}").json()["result"]["target"]["model_id"]
    job = api.submit(transfer(ticket, arms=["mask_rewound", "mask_init", "no_mask"]))
    assert job["spec"]["arms"] == ["mask_init", "mask_rewound", "no_mask"]
    assert job["progress"]["units_done"] == 2  # the ticket, and what kept its state
    assert api.driver.work() == 3
    shown = api.get(f"/v1/jobs/{job['id']}").json()
    assert shown["state"] == "succeeded", shown["error"]
    assert shown["result"]["target"]["verdict"] == "inconclusive"
    assert shown["result"]["target"]["replicates_wanted"] == 3


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"model": "mdl_nothing"}, "no model"),
        ({"model": "lenet_300_100"}, "a transfer wants one, `mdl_…`, or pretrained weights"),
        ({"arms": ["mask_init"]}, "masks nothing"),
        ({"trainable": ["fc9"]}, "no module 'fc9'"),
        ({"trainable": "fc2"}, 'as a list: ["fc2"]'),
        ({"trainable": []}, 'or say "head"'),
        ({"dataset": "nothing"}, "nothing"),
        ({"dataset": {"name": "digits", "size": [9, 9]}}, "8×8 pixels"),
    ],
    ids=repr,
)
def test_what_cannot_be_carried_is_refused(api: Api, fields: dict[str, Any], says: str) -> None:
    model = api.a_model()
    answer = api.http.post("/v1/jobs", json=transfer(model) | fields)
    assert is_problem(answer, 422, says)
