"""What Python, torch and the system raise in the middle of a unit, as the end of it that it is."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.distributed import DistBackendError

from winnow.contract.inputs import EvaluateInputs, OutsideInputs
from winnow.contract.problems import Reason, WinnowError
from winnow.contract.units import Unit
from winnow.lottery.workspace import ProcessLost, UnitFailed

NO_MEMORY = (
    "can't allocate memory",
    "out of memory",
    "ALLOC_FAILED",
    "ALLOCATION_FAILED",
    "unable to find an engine",
)
"""What torch says where it has no class for it: of main memory, of CUDA and NCCL, of the libraries' workspaces, and
where there was no room for any of cuDNN's algorithms."""

GPU_FAULTS = (torch.AcceleratorError, DistBackendError)
"""Of CUDA, and of NCCL. A process computes nothing more after them."""

EXECUTION_FAILED = "_EXECUTION_FAILED"
"""In what cuBLAS and cuDNN say of the same."""


@contextmanager
def told_as_ends(unit: Unit) -> Iterator[Callable[[], None]]:
    """A unit is done in here. Raises UnitFailed with the reason, or ProcessLost where it may end well another time.

    That the GPU failed says nothing of the unit: it is tried again from its checkpoint, by another process.

    Where a GPU has no room for the algorithm that cuDNN wants, torch takes another one without a word, with other last
    bits: what was made so is not the unit's outcome. What it yields raises UnitFailed from then on.
    """
    before = _refusals(unit)

    def look() -> None:
        if _refusals(unit) > before:
            raise UnitFailed(Reason.OUT_OF_MEMORY, _no_room(unit))

    try:
        yield look
        look()
    except WinnowError as error:
        raise UnitFailed(Reason.DATA_ERROR, error.detail) from error
    except MemoryError as error:
        raise UnitFailed(Reason.OUT_OF_MEMORY, _no_room(unit)) from error
    except RuntimeError as error:
        said = str(error)
        if isinstance(error, torch.OutOfMemoryError) or any(sign in said for sign in NO_MEMORY):
            raise UnitFailed(Reason.OUT_OF_MEMORY, _no_room(unit)) from error
        if isinstance(error, GPU_FAULTS) or EXECUTION_FAILED in said:
            first_line, _, _ = said.partition("\n")
            raise ProcessLost(f"The GPU failed: {first_line}.") from error
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UnitFailed(Reason.NO_SPACE, "No space is left for the unit's files. Free some.") from error
        raise


def _refusals(unit: Unit) -> int:
    """How often torch found no memory on this process's GPU so far, whoever heard of it."""
    return int(torch.cuda.memory_stats().get("num_ooms", 0)) if unit.inputs.resource == "gpu" else 0


def _no_room(unit: Unit) -> str:
    inputs = unit.inputs
    if isinstance(inputs, OutsideInputs | EvaluateInputs):
        return f"There is not enough memory for {inputs.architecture} on {inputs.resource}. Use a larger machine."
    return (
        f"There is not enough memory to train {inputs.recipe.architecture} at batch size {inputs.recipe.batch_size} on "
        f"{inputs.resource}, or to score and measure it, which takes more images at once where batches are small. Use "
        "smaller batches or images, a smaller network or a larger machine."
    )
