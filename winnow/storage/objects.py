"""Objects named by the SHA-256 of their content. Writing one twice changes nothing; reading one proves it."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import BaseError

from winnow.artifact.atomic import write_atomically
from winnow.contract.problems import InvalidFile, NotFound, Unavailable
from winnow.contract.results import FileRef
from winnow.storage import stores

if TYPE_CHECKING:  # these names exist in obstore's stubs alone
    from obstore import GetOptions, GetResult
    from obstore.store import ObjectStore

MULTIPART_BYTES = 8 * 1024 * 1024
"""Files above this go up in parts, never whole in memory."""

PARTS_AT_ONCE = 3
"""Parts of 5 MiB each in memory; obstore takes twelve unless told, which is 60 MiB."""

CHUNK_BYTES = 1024 * 1024
"""Streams come in chunks of about this size."""


def path_of(sha256: str) -> str:
    """Where an object lies in its store: `objects/ab/cd/<sha256>`."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise NotFound(f"{sha256[:80]!r} is not the name of an object: 64 hexadecimal digits.")
    return f"objects/{sha256[:2]}/{sha256[2:4]}/{sha256}"


class Objects:
    """A store of objects. Safe to share between threads; holds no file open between calls."""

    def __init__(self, store: "ObjectStore", url: str, s3: stores.S3Access) -> None:
        self.store = store
        self._url = url
        self._s3 = s3
        self._folder = stores.folder_of(url)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        endpoint: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        region: str | None = None,
    ) -> Self:
        """The store at `file:///folder`, `s3://bucket/prefix`, `gs://…`, `az://…` or `memory:///`; the rest is for S3.

        Raises Unavailable where there is none of that kind.
        """
        s3 = stores.S3Access(endpoint, access_key, secret_key, region)
        return cls(stores.open_store(url, s3), url, s3)

    def make_bucket(self) -> None:
        """Make what the store needs before the first put: S3's bucket. Raises Unavailable."""
        if self._url.startswith("s3"):
            stores.make_bucket(self._url, self._s3)

    def put(self, path: Path) -> FileRef:
        """Store the content of a file; large files are streamed in parts. Raises Unavailable."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        ref = FileRef(sha256=sha256, bytes=path.stat().st_size)
        self._write(ref, path if ref.bytes > MULTIPART_BYTES else path.read_bytes())
        return ref

    def fetch(self, sha256: str, to: Path) -> None:
        """Write the object to `to`, whole or not at all.

        Raises NotFound, Unavailable, and InvalidFile where the stored bytes are not those the name promises.
        """
        write_atomically(to, _verified(sha256, self.stream(sha256)))

    def stream(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to but not including `end`, in chunks; not verified.

        Raises NotFound and Unavailable at the call where the object cannot be had, Unavailable later where it breaks
        off. A range that reaches past the end gives what there is.
        """
        options: GetOptions = {}
        with self._reaching(sha256):
            if start or end is not None:
                size = obstore.head(self.store, path_of(sha256))["size"]
                window = (start, size if end is None else min(end, size))
                if window[0] >= window[1]:  # stores refuse an empty range
                    return iter(())
                options = {"range": window}
            result = obstore.get(self.store, path_of(sha256), options=options)
        return self._chunks(sha256, result)

    def exists(self, sha256: str) -> bool:
        """Whether the object is there. Raises Unavailable."""
        try:
            with self._reaching(sha256):
                obstore.head(self.store, path_of(sha256))
        except NotFound:
            return False
        return True

    def delete(self, sha256: str) -> None:
        """Remove the object; one that is not there is removed already. Raises Unavailable."""
        try:
            with self._reaching(sha256):
                obstore.delete(self.store, path_of(sha256))
        except NotFound:
            return

    def _chunks(self, sha256: str, result: "GetResult") -> Iterator[bytes]:
        with self._reaching(sha256):
            for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    def _write(self, ref: FileRef, content: Path | bytes) -> None:
        """Write it even where there is one of that name: it may be damaged. On a disk it is there for good then."""
        with self._reaching(ref.sha256, writing=True):
            in_parts = isinstance(content, Path)
            path = path_of(ref.sha256)
            obstore.put(self.store, path, content, use_multipart=in_parts, max_concurrency=PARTS_AT_ONCE)
            if self._folder is not None:
                stores.through_to_disk(self._folder / path, self._folder)

    @contextmanager
    def _reaching(self, sha256: str, *, writing: bool = False) -> Iterator[None]:
        """Give errors of the store their names here."""
        try:
            yield
        except FileNotFoundError as error:
            if writing or "NoSuchBucket" in str(error):
                raise Unavailable(f"The store {self._url} is not there: make its bucket or folder first.") from error
            raise NotFound(f"Object {sha256} is not in the store {self._url}.") from error
        except (BaseError, OSError) as error:
            raise Unavailable(f"The store {self._url} does not work: {_first_line(error)}") from error


def _verified(sha256: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise InvalidFile(f"Object {sha256} is damaged in the store: restore it from a backup.")


def _first_line(error: Exception) -> str:
    """Obstore's messages go on with a debug dump of the request."""
    return str(error).partition("\n")[0]
