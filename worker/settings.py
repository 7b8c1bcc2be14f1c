"""The worker's settings, from WINNOW_… variables; the only place under `worker` that reads the environment."""

import os
import socket
from pathlib import Path
from typing import Any, Literal, Self

import psutil  # type: ignore[import-untyped]  # it ships no types
from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from winnow.contract.datasets import MAX_DECODED
from winnow.contract.names import NAME
from winnow.jobs.backends import Backends
from winnow.lottery.gpus import seen

VISIBLE = "CUDA_VISIBLE_DEVICES"
GIB = 1024**3

# What a runner is started with: where programs, drivers and devices are. No address, no password.
PASSED_ON = (
    VISIBLE,
    "CUDA_CACHE_PATH",
    "CUDA_DEVICE_ORDER",
    "CUDA_MPS_PIPE_DIRECTORY",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_VISIBLE_DEVICES",
    "PYTORCH_ALLOC_CONF",
    "PATH",
    "SSL_CERT_FILE",
    "TZ",
)
NCCL = "NCCL_"
"""What NCCL is told begins so: dozens of settings, by which a machine's GPUs reach each other at all, or fast."""

# Data sets and published weights are downloaded through them; one that is reached with a password is not passed on.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> int:
    return len(seen(os.environ))


def _slots(known: dict[str, Any]) -> int:
    """One a core, or one a GPU."""
    return int(known["cores"]) if known["resource"] == "cpu" else int(known["gpus"]) or 1


def _memory() -> int:
    """Nine tenths of the machine's memory, or of what the container may have."""
    allowed = int(psutil.virtual_memory().total)
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if limit.exists() and (text := limit.read_text().strip()).isdigit():
            allowed = min(allowed, int(text))
    return allowed * 9 // 10


class Settings(Backends, BaseSettings):
    """What one worker process is told. Without a word it works for the service in the folder `.winnow`."""

    model_config = SettingsConfigDict(env_prefix="WINNOW_", env_ignore_empty=True, frozen=True, extra="ignore")

    worker_name: str = Field(
        default_factory=socket.gethostname,
        pattern=f"^{NAME}$",
        description="A name that no other live worker has; the same one again after a restart.",
    )
    resource: Literal["cpu", "gpu"] = Field("cpu", description="What units this worker takes.")
    cores: int = Field(default_factory=_cores, gt=0, description="CPU cores that its units may use in all.")
    gpus: int = Field(default_factory=_gpus, ge=0, description="GPUs, shared out among its slots.")
    slots: int = Field(default_factory=_slots, gt=0, le=1024, description="Units worked on at once.")
    units_per_runner: int = Field(200, gt=0, description="After so many units a child process is replaced.")
    stall_seconds: float = Field(900.0, gt=0, description="A child that says nothing for so long is killed.")
    resident_bytes: int = Field(
        MAX_DECODED, ge=0, description="A folder of images that has more when decoded is streamed from its files."
    )
    runner_memory_bytes: int = Field(default_factory=_memory, gt=0, description="A child that holds more is killed.")
    runner_file_bytes: int = Field(16 * GIB, gt=0, description="Largest file that a child may write.")
    cache_bytes: int = Field(4 * GIB, ge=0, description="Files kept in scratch space for the next units.")

    @model_validator(mode="after")
    def _no_more_gpus_than_may_be_used(self) -> Self:
        if self.resource == "gpu" and VISIBLE in os.environ and self.gpus > len(seen(os.environ)):
            raise ValueError(f"WINNOW_GPUS is {self.gpus}, but {VISIBLE} names {len(seen(os.environ))}")
        return self

    @property
    def gpus_a_slot(self) -> int:
        """GPUs of each slot: none on CPUs, else one at least, which several slots share where there are more slots."""
        return max(1, self.gpus // self.slots) if self.resource == "gpu" else 0

    @property
    def gpu_sharers(self) -> int:
        """How many slots there are, at most, on one GPU."""
        return -(-self.slots // max(1, self.gpus)) if self.resource == "gpu" else 1

    @property
    def gpu_names(self) -> tuple[str, ...]:
        """What the slots share out. Without a word the first one is tried: not every driver shows it in /dev."""
        named = seen(os.environ) if VISIBLE in os.environ else tuple(str(number) for number in range(self.gpus or 1))
        return named[: self.gpus or 1]

    @property
    def scratch(self) -> Path:
        """The worker's own folder; what lies there outlives no process."""
        return self.home / "scratch" / self.worker_name


def runner_environment() -> dict[str, str]:
    """What a runner sees of this process's environment."""
    proxies = {name: url for name, url in os.environ.items() if name.upper() in PROXIES and "@" not in url}
    return proxies | {name: said for name, said in os.environ.items() if name in PASSED_ON or name.startswith(NCCL)}
