"""Opening stores by URL."""

from pathlib import Path

import pytest

from winnow.contract.problems import Unavailable
from winnow.storage import Objects
from winnow.storage.stores import S3Access, open_store


def test_an_unknown_kind_of_url_says_what_to_use() -> None:
    with pytest.raises(Unavailable, match="file:///"):
        Objects.open("ftp://somewhere")


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="cannot be opened"):
        Objects.open((tmp_path / "file" / "below").as_uri())


@pytest.mark.parametrize(
    "url", ["s3://bucket/prefix", "gs://bucket/prefix", "abfss://bucket@account.dfs.core.windows.net/prefix"]
)
def test_every_cloud_opens_by_url_without_a_request(url: str) -> None:
    assert 'prefix="prefix"' in repr(open_store(url, S3Access("http://127.0.0.1:9", "key", "secret")))
