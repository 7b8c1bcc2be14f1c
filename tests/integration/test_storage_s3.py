"""Objects over the S3 protocol."""

import uuid

import pytest

from tests.conformance.object_store import ObjectStoreConformance
from tests.conftest import S3
from tests.support.objects import put_bytes
from tests.support.servers import free_port
from winnow.contract.problems import Unavailable
from winnow.storage import Objects

ABSENT = "0" * 64


def open_at(s3: S3, url: str) -> Objects:
    return Objects.open(url, endpoint=s3.endpoint, access_key=s3.access_key, secret_key=s3.secret_key, region=s3.region)


class TestS3(ObjectStoreConformance):
    """A bucket with a prefix."""

    @pytest.fixture
    def objects(self, s3: S3) -> Objects:
        return open_at(s3, s3.fresh_url())


def test_a_bucket_is_made_once(s3: S3) -> None:
    objects = open_at(s3, f"s3://bucket-{uuid.uuid4().hex}")
    with pytest.raises(Unavailable, match="make its bucket"):
        put_bytes(objects, b"x")
    with pytest.raises(Unavailable, match="make its bucket"):
        objects.stream(ABSENT)
    objects.make_bucket()
    objects.make_bucket()
    assert objects.exists(put_bytes(objects, b"x").sha256)


def test_a_store_that_is_away_is_unavailable() -> None:
    objects = open_at(S3(f"http://127.0.0.1:{free_port()}", "", "a", "b", "us-east-1"), "s3://bucket")
    for attempt in (lambda: put_bytes(objects, b"x"), lambda: objects.exists(ABSENT), objects.make_bucket):
        with pytest.raises(Unavailable, match="s3://bucket"):
            attempt()
