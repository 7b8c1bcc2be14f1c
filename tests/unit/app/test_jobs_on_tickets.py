"""Jobs that begin with a ticket that another job has found: what it was made from is that job's work, not theirs."""

from typing import Any

import pytest

from tests.support.api import Api

PRUNE: dict[str, Any] = {
    "kind": "prune",
    "dataset": "digits",
    "model": "lenet_300_100",
    "target": {"sparsity": 0.5},
    "train": {"steps": 12},
    "method": {"schedule": {"name": "iterative", "rate": 0.4}, "rewind": {"step": 5}},
    "arms": ["ticket"],
    "replicates": 1,
}
DEEPER = {"target": {"sparsity": 0.8}, "method": {"schedule": "one_shot"}}
HEAD: dict[str, Any] = {"kind": "transfer", "dataset": {"name": "digits", "classes": list("01234")}}


@pytest.fixture
def ticket(api: Api) -> str:
    """The second level of a job that has ended: it stands on the first one, and on the dense network."""
    job = api.submit(PRUNE)
    while api.driver.work():
        pass
    model: str = api.get(f"/v1/jobs/{job['id']}").json()["result"]["target"]["model_id"]
    return model


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "evaluate", "dataset": "digits"},
        {"kind": "train", "dataset": "digits", "train": {"steps": 12}},
        {**PRUNE, **DEEPER},
        {**HEAD, "train": {"steps": 12}},
        {**HEAD, "train": {"steps": 12}, "arms": ["mask_trained", "no_mask"], "replicates": 1, "trainable": "head"},
    ],
    ids=["evaluate", "train", "prune", "transfer", "transfer of a head"],
)
def test_a_job_that_begins_with_a_ticket_ends(api: Api, ticket: str, fields: dict[str, Any]) -> None:
    job = api.submit(fields | {"model": ticket})
    assert job["progress"]["units_done"] == 1, "the ticket is there"
    while api.driver.work():
        pass
    shown = api.get(f"/v1/jobs/{job['id']}").json()
    assert shown["state"] == "succeeded", shown["error"]
    assert shown["progress"]["units_done"] == shown["progress"]["units_total"]
