"""Bodies on their way in: in a stream, counted, in a file of their own; nothing left behind when one breaks off."""

import fcntl
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.datasets.intake import remove_orphans
from tests.support.api import ZIP, Api, image_zip, is_problem, until


def test_a_body_without_a_length_is_counted(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 1000

    with Api(tmp_path, max_upload_bytes=20_000) as api:
        is_problem(api.upload("mine", pieces()), 413, "20000 bytes")
        assert api.nothing_kept()


def test_a_body_that_is_too_long_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with Api(tmp_path, max_upload_bytes=20_000) as api:
        is_problem(api.upload("mine", b"x" * 5_000_000), 413, "20000 bytes")
        assert api.nothing_kept()


@pytest.mark.parametrize("length", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
def test_an_upload_that_breaks_off_leaves_nothing(api: Api, length: str) -> None:
    head = f"POST /v1/datasets?name=mine HTTP/1.1\r\nHost: x\r\nContent-Type: {ZIP}\r\n{length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2]))) as wire:
        wire.sendall(head.encode() + b"3e8\r\n" + b"x" * 1000)
        until(lambda: len(api.left_in_uploads()) == 1, "the upload's file")
    until(api.nothing_kept, "the end of the upload's file")


def test_what_a_killed_process_left_is_removed_and_what_others_receive_is_not(api: Api) -> None:
    orphan = api.settings.uploads / "tmpold"
    orphan.write_bytes(b"half of it")
    head = f"POST /v1/datasets?name=mine HTTP/1.1\r\nHost: x\r\nContent-Type: {ZIP}\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2]))) as wire:
        wire.sendall(head.encode())
        until(lambda: len(api.left_in_uploads()) == 2, "the upload's file")
        remove_orphans(api.settings.uploads)
        until(lambda: len(api.left_in_uploads()) == 1, "one file")  # not yet locked, it is removed and made anew
        assert not orphan.exists()


def test_what_others_remove_before_it_is_locked_is_begun_anew(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that starts on the same home folder finds the upload's file between its making and its lock."""
    locks = []

    def late(file: int, how: int, flock: Callable[[int, int], None] = fcntl.flock) -> None:
        locks.append(file)
        if len(locks) == 1:
            remove_orphans(api.settings.uploads)
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    answer = api.upload("mine", image_zip())
    assert answer.status_code == 201, answer.text
    assert len(locks) == 3  # of a file that was removed, of the process that removed it, of the file in its place
    assert not api.left_in_uploads()


def test_a_file_that_others_remove_first_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter([folder / "tmpgone"]))
    remove_orphans(tmp_path)
