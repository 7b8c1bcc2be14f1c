"""What torch raises on GPUs, and how a unit ends then: tried again where only the GPU failed, else told for good."""

from pathlib import Path

import pytest
import torch
from torch.distributed import DistBackendError

from tests.support.lottery import MemoryWorkspace, digits_job
from winnow.contract.problems import Reason
from winnow.contract.units import Unit
from winnow.lottery import units
from winnow.lottery.units import ProcessLost, UnitFailed, Warm, run
from winnow.plan import places

LOST = [
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nSearch for `cudaError…`"),
    DistBackendError("NCCL error in: …, remote process exited or there was a network error"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(…)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
]
NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    torch.AcceleratorError("CUDA error: out of memory"),
    DistBackendError("NCCL error in: …, unhandled cuda error\nLast error:\nCuda failure 2 'out of memory'"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
]


def unit() -> Unit:
    return places(digits_job(), {})[0].unit


def end_of(error: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a unit in which this is raised."""

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(units, "_by_kind", fails)
    (folder / "outputs").mkdir()
    run(unit(), MemoryWorkspace(folder / "outputs"), Warm(None))


@pytest.mark.parametrize("error", LOST, ids=str)
def test_a_gpu_that_failed_is_a_loss_and_says_nothing_of_the_unit(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit is tried again from its checkpoint, in another process."""
    with pytest.raises(ProcessLost, match="The GPU failed: ") as lost:
        end_of(error, tmp_path, monkeypatch)
    assert str(lost.value) == f"The GPU failed: {str(error).splitlines()[0]}."


@pytest.mark.parametrize("error", NO_MEMORY, ids=str)
def test_too_little_memory_is_told_as_that_whatever_torch_calls_it(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnitFailed, match="not enough memory") as failed:
        end_of(error, tmp_path, monkeypatch)
    assert failed.value.reason is Reason.OUT_OF_MEMORY


def test_any_other_error_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        end_of(RuntimeError("shapes cannot be multiplied"), tmp_path, monkeypatch)
