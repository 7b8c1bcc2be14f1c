"""What a worker is told, and what it tells its runners."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from winnow.lottery.gpus import seen
from worker.child import Launch
from worker.memory import oom_kills
from worker.settings import Settings, runner_environment


def test_without_a_word_it_works_for_the_service_in_its_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WINNOW_HOME", str(tmp_path))
    settings = Settings()
    assert settings.database_url == f"sqlite:////{str(tmp_path)[1:]}/winnow.db"
    assert settings.storage_url == f"file://{tmp_path}/store"
    assert settings.broker_url == f"filesystem://{tmp_path}/bell"
    assert settings.slots == settings.cores
    assert settings.scratch.is_relative_to(tmp_path)
    assert settings.runner_memory_bytes > 1 << 30


def test_secrets_do_not_show_and_do_not_reach_runners(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WINNOW_S3_SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "WINNOW_API_KEY"):
        monkeypatch.setenv(name, "hush")
    assert "hush" not in repr(Settings())
    assert "hush" not in runner_environment().values()


def test_runners_download_through_a_proxy_unless_its_address_has_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:8080")
    monkeypatch.setenv("HTTP_PROXY", "http://me:hush@proxy:8080")
    passed = runner_environment()
    assert (passed["https_proxy"], passed.get("HTTP_PROXY")) == ("http://proxy:8080", None)


def test_runners_hear_all_that_nccl_is_told_and_where_cuda_keeps_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NCCL_P2P_LEVEL", "NCCL_DEBUG", "CUDA_CACHE_PATH", "NCCLX"):
        monkeypatch.setenv(name, "said")
    assert {name for name, said in runner_environment().items() if said == "said"} == {
        "NCCL_P2P_LEVEL",
        "NCCL_DEBUG",
        "CUDA_CACHE_PATH",
    }


def test_a_runner_is_told_what_to_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_RESIDENT_BYTES", "1000")
    launch = Launch("cpu", {}, 1 << 20, resident_bytes=Settings().resident_bytes, decoders=3)
    command = " ".join(launch.command(1))
    assert "--resident-bytes 1000 --decoders 3" in command


def test_gpus_are_shared_out_among_the_slots_and_cpu_slots_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    shares = {slots: Settings(resource="gpu", gpus=8, slots=slots).gpus_a_slot for slots in (8, 4, 3, 16)}
    assert shares == {8: 1, 4: 2, 3: 2, 16: 1}
    assert Settings(resource="cpu", gpus=8, slots=4).gpus_a_slot == 0
    sharers = {slots: Settings(resource="gpu", gpus=8, slots=slots).gpu_sharers for slots in (4, 8, 9, 16)}
    assert sharers == {4: 1, 8: 1, 9: 2, 16: 2}
    assert Settings(resource="cpu", gpus=8, slots=16).gpu_sharers == 1


def test_no_slot_is_given_a_gpu_that_may_not_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(**said: int) -> tuple[int, int, tuple[str, ...]]:
        settings = Settings(resource="gpu", **said)
        return settings.slots, settings.gpus_a_slot, settings.gpu_names

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-5,-1,6")
    assert asked() == (2, 1, ("3", "GPU-5"))
    assert asked(slots=1) == (1, 2, ("3", "GPU-5"))
    assert asked(gpus=1) == (1, 1, ("3",))
    with pytest.raises(ValidationError, match="WINNOW_GPUS is 3, but CUDA_VISIBLE_DEVICES names 2"):
        asked(gpus=3)
    assert Settings(resource="cpu", gpus=3).gpus_a_slot == 0, "it is nothing to a worker on the CPU"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert asked() == (1, 1, ())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert asked(gpus=2) == (2, 1, ("0", "1"))
    assert asked(gpus=0) == (1, 1, ("0",)), "not every driver shows it in /dev"


def test_gpus_are_counted_where_the_driver_shows_them(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert seen({}, tmp_path) == ("0", "1")
    assert seen({"CUDA_VISIBLE_DEVICES": "1"}, tmp_path) == ("1",)
    (tmp_path / "dxg").touch()
    assert seen({}, tmp_path) == ("0", "1")
    for name in ("nvidia0", "nvidia1"):
        (tmp_path / name).unlink()
    assert seen({}, tmp_path) == ("0",), "Windows shows its GPU to Linux so"


@pytest.mark.parametrize("name", ["../other", "", "a/b", ".hidden", "x" * 101])
def test_a_name_is_a_folder_s_name(name: str) -> None:
    with pytest.raises(ValidationError):
        Settings(worker_name=name)


def test_kills_for_want_of_memory_are_counted_where_the_kernel_says_them(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 2\noom_kill 2\noom_group_kill 0\n")
    (tmp_path / "vmstat").write_text("nr_free_pages 1\noom_kill 5\n")
    counters = (tmp_path / "memory.events", tmp_path / "vmstat", tmp_path / "absent")
    assert oom_kills(counters) == 7
