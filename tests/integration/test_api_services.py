"""The API on Postgres, Redis and S3 over their own protocols: the same answers as on SQLite and folders."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.api import Api, image_zip, is_problem, png, until
from tests.support.driver import prune, train
from winnow.client import Client


@pytest.fixture
def api(tmp_path: Path, postgres_database: str, empty_redis_url: str, s3: Any) -> Iterator[Api]:
    store = {"storage_url": s3.fresh_url(), "s3_endpoint": s3.endpoint, "s3_region": s3.region}
    keys = {"s3_access_key": s3.access_key, "s3_secret_key": s3.secret_key}
    with Api(tmp_path, database_url=postgres_database, broker_url=empty_redis_url, **store, **keys) as running:
        yield running


def test_a_job_from_its_submission_to_a_prediction(api: Api, empty_redis_url: str) -> None:
    api.driver.register()
    with Client(api.url) as client, redis.Redis.from_url(empty_redis_url) as broker:
        job = client.submit(prune(0.36, "random_mask"))
        until(lambda: broker.llen("winnow-cpu") == 1, "a message on the bell")
        while held := api.driver.claim():
            api.driver.start(held)
            if held.unit.kind == "control":
                api.driver.finish(held)
            else:
                api.finish_with_model(held)
        done = list(client.follow(job.id))[-1]
        assert (done.state, len(done.levels)) == ("succeeded", 3)
        assert [event.name for event in client.events(job.id)][-1] == "job"
        assert len(client.table(job.id)) == 5
        model = next(client.models(job.id))
        for file in client.files(model.id):
            client.download(model.id, file, api.settings.home)
        picture = api.settings.home / "picture.png"
        picture.write_bytes(png())
        assert client.predict(job.id, [picture]).model_id == done.result.target.model_id  # type: ignore[union-attr]  # it has succeeded


def test_an_upload_becomes_a_data_set_once(api: Api) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: api.upload("mine", image_zip()), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    is_problem(api.upload("mine", image_zip(seed=1)), 409)
    assert api.submit(train(dataset="mine", train={"batch_size": 4}))["spec"]["dataset"]["name"] == "mine"
    assert api.left_in_uploads() == []


def test_one_key_at_once_makes_one_job(api: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: api.submit(train(), **{"Idempotency-Key": "k"})["id"], range(8)))
    assert len(ids) == 1


def test_a_part_of_a_file_comes_from_the_store(api: Api) -> None:
    path = f"/v1/models/{api.a_model()}/files/weights.safetensors"
    whole = api.get(path).content
    assert api.get(path, headers={"Range": "bytes=100-199"}).content == whole[100:200]
    assert api.get(path, headers={"Range": "bytes=-10"}).content == whole[-10:]


@pytest.mark.parametrize("path", ["/v1/jobs/x", "/v1/models/x", "/v1/datasets/x", "/v1/jobs/ä", "/v1/models?job=ü"])
def test_odd_names_are_only_not_found(api: Api, path: str) -> None:
    assert api.get(path).status_code in (200, 404)


def test_without_its_broker_a_job_is_taken_in_all_the_same(tmp_path: Path, new_database: Callable[[], str]) -> None:
    with Api(tmp_path, database_url=new_database(), broker_url="redis://127.0.0.1:1/0") as api:
        assert api.submit(train())["state"] == "queued"
