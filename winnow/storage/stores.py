"""From a URL to a store of bytes under paths, and the bucket it may need."""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import httpx
import obstore
from obstore.store import LocalStore, MemoryStore, S3Store, from_url

from winnow.contract.problems import Unavailable

if TYPE_CHECKING:  # these names exist in obstore's stubs alone
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config

# A store that is away has to be noticed while a lease still lives; a long transfer only has to go on moving.
_RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
_CLIENT: "ClientConfig" = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "1h"}


@dataclass(frozen=True)
class S3Access:
    """How to reach an S3 store that is not Amazon's; what is None stays as the store's URL or platform says."""

    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    region: str | None = None

    def config(self) -> "S3Config":
        """The same as obstore names it."""
        config: S3Config = {}
        if self.endpoint:
            config["endpoint"] = self.endpoint
        if self.access_key:
            config["access_key_id"] = self.access_key
        if self.secret_key:
            config["secret_access_key"] = self.secret_key
        if region := self.region or ("us-east-1" if self.endpoint else None):
            config["region"] = region
        return config


def open_store(url: str, s3: S3Access) -> "ObjectStore":
    """A store for `file:///folder`, `s3://bucket/prefix`, `gs://…`, `az://…` or `memory:///`.

    Raises Unavailable where the URL names nothing that can be opened.
    """
    parts = urlsplit(url)
    try:
        match parts.scheme:
            case "file":
                return LocalStore(folder_of(url), mkdir=True)
            case "memory":
                return MemoryStore()
            case "s3" | "s3a":
                plain_http = (s3.endpoint or "").startswith("http://")
                client: ClientConfig = {**_CLIENT, "allow_http": plain_http}
                return S3Store.from_url(url, config=s3.config(), client_options=client, retry_config=_RETRY)
            case "gs" | "az" | "azure" | "abfs" | "abfss" | "adl":
                return from_url(url, client_options=_CLIENT, retry_config=_RETRY)
    except (OSError, ValueError, obstore.exceptions.BaseError) as error:
        raise Unavailable(f"The store {url} cannot be opened: {error}") from error
    raise Unavailable(f"The store {url} is of no known kind: use file:///, s3://, gs://, az:// or memory:///.")


def folder_of(url: str) -> Path | None:
    """The folder of a store on this machine's disks."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def through_to_disk(path: Path, root: Path) -> None:
    """Wait until a file that was just renamed into its place would outlive a loss of power, and its folders with it."""
    _wait_for(path)
    for folder in path.parents:
        with suppress(OSError):  # some file systems, of other machines mostly, know no such thing of folders
            _wait_for(folder)
        if folder == root:
            return


def _wait_for(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_bucket(url: str, s3: S3Access) -> None:
    """Make the bucket of an S3 store unless it is there; the other stores need none.

    Raises Unavailable where the store is away or refuses.
    """
    bucket = urlsplit(url).netloc
    store = open_store(f"s3://{bucket}", s3)
    if not isinstance(store, S3Store):
        raise Unavailable(f"{url} has no bucket that could be made.")
    region = store.config.get("region", "us-east-1")
    body = "" if region == "us-east-1" else _LOCATION.format(region=region)
    # obstore makes no buckets, but it signs any request: PUT on the empty path is CreateBucket.
    signed = obstore.sign(store, "PUT", "", timedelta(minutes=5))
    try:
        answer = httpx.put(signed, content=body.encode(), timeout=30)
    except httpx.HTTPError as error:
        raise Unavailable(f"The store at {url} cannot be reached: {error}") from error
    if not answer.is_success and "BucketAlreadyOwnedByYou" not in answer.text:
        raise Unavailable(f"The bucket {bucket} cannot be made ({answer.status_code}): {answer.text[:300]}")


_LOCATION = (
    '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
)
