"""Files by content, near at hand."""

from pathlib import Path

import pytest

from tests.support.flaky import FlakyObjects
from tests.support.objects import put_bytes
from winnow.artifact.digest import file_ref
from worker.scratch import Scratch


@pytest.fixture
def store(tmp_path: Path) -> FlakyObjects:
    return FlakyObjects.open((tmp_path / "store").as_uri())


def test_what_was_kept_comes_without_asking_the_store(tmp_path: Path, store: FlakyObjects) -> None:
    scratch = Scratch(tmp_path / "scratch", store, 100)
    with scratch.desk() as desk:
        (desk.outputs / "mask").write_bytes(b"bits")
        ref = file_ref(desk.outputs / "mask")
        scratch.keep(ref.sha256, desk.outputs / "mask")
    store.fail_next_fetches(1)
    with scratch.desk() as desk:
        scratch.fetch(ref.sha256, desk.inputs / "mask")
        assert (desk.inputs / "mask").read_bytes() == b"bits"


def test_what_was_fetched_once_is_kept(tmp_path: Path, store: FlakyObjects) -> None:
    ref = put_bytes(store, b"bits")
    scratch = Scratch(tmp_path / "scratch", store, 100)
    scratch.fetch(ref.sha256, tmp_path / "first")
    store.fail_next_fetches(1)
    scratch.fetch(ref.sha256, tmp_path / "second")
    assert (tmp_path / "second").read_bytes() == b"bits"


def test_the_least_recently_used_go_and_files_in_use_stay(tmp_path: Path, store: FlakyObjects) -> None:
    scratch = Scratch(tmp_path / "scratch", store, 20)
    refs = [put_bytes(store, bytes([number]) * 9) for number in range(3)]
    for number in (0, 1):
        scratch.fetch(refs[number].sha256, tmp_path / f"used-{number}")
    scratch.fetch(refs[0].sha256, tmp_path / "used-again")
    scratch.fetch(refs[2].sha256, tmp_path / "used-2")
    kept = {path.name for path in (tmp_path / "scratch" / "cache").iterdir()}
    assert kept == {refs[0].sha256, refs[2].sha256}
    assert (tmp_path / "used-1").read_bytes() == bytes([1]) * 9


def test_one_file_larger_than_the_cache_is_still_kept(tmp_path: Path, store: FlakyObjects) -> None:
    scratch = Scratch(tmp_path / "scratch", store, 1)
    ref = put_bytes(store, b"a whole data set")
    scratch.fetch(ref.sha256, tmp_path / "first")
    store.fail_next_fetches(1)
    scratch.fetch(ref.sha256, tmp_path / "second")


def test_a_desk_is_empty_and_gone_afterwards_and_so_is_a_predecessor_s(tmp_path: Path, store: FlakyObjects) -> None:
    (tmp_path / "scratch" / "attempt-old").mkdir(parents=True)
    scratch = Scratch(tmp_path / "scratch", store, 1)
    with scratch.desk() as desk:
        assert [list(folder.iterdir()) for folder in (desk.inputs, desk.outputs, desk.checkpoints)] == [[], [], []]
        (desk.outputs / "x").write_bytes(b"x")
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["cache"]
