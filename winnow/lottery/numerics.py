"""Exactness: what must be fixed before torch is imported, what afterwards, and the name of what the bits depend on.

Same unit, same numerics class, same threads → same bytes. Nothing here imports torch before it is needed, so that a
parent can ask for the environment of a child.
"""

import platform
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from winnow.contract.problems import WinnowError
from winnow.contract.units import TORCH_RELEASE

CUDAS_OWN = 3 << 28
"""Bytes of a GPU's memory that each process on it takes beside its tensors: CUDA's context, the libraries' kernels."""

_LOOPBACK = "lo" if sys.platform == "linux" else "lo0"


def environment(threads: int) -> dict[str, str]:
    """Variables to set before torch is imported: instruction set, threads, cuBLAS's workspace, and loopback.

    The processes of a unit are all on one machine, so nobody else needs to hear what they say to each other.

    All processors with AVX2 take the same path, so that results of one vendor's machines agree.
    """
    avx2 = "avx2" in _cpu()[1]
    return {
        "ATEN_CPU_CAPABILITY": "avx2" if avx2 else "default",
        "MKL_CBWR": "AVX2,STRICT" if avx2 else "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "AVX2" if avx2 else "SSE41",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "MKL_DYNAMIC": "FALSE",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "GLOO_SOCKET_IFNAME": _LOOPBACK,
        "NCCL_SOCKET_IFNAME": _LOOPBACK,
    }


def settle(threads: int, resource: Literal["cpu", "gpu"]) -> str:
    """Fix threads, precision and algorithms of this process; returns its numerics class.

    Raises WinnowError where torch is another release than results are made with.
    """
    import torch  # noqa: PLC0415 - a parent that has no torch asks for the environment of its child

    check_release(torch.__version__)
    torch.set_num_threads(threads)
    # NVIDIA's containers allow TF32 by TORCH_ALLOW_TF32_CUBLAS_OVERRIDE, which torch keeps beside what is set below: it
    # then refuses to multiply.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]  # made at run time
    torch.backends.cudnn.rnn.fp32_precision = "ieee"  # type: ignore[attr-defined]  # made at run time
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False  # sums of bf16 products stay float32
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(resource == "gpu")
    # Else each new tensor is first filled with NaN, for programs that read before they write. Tests leave it on.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # made at run time
    return numerics_class(resource)


def check_release(installed: str) -> None:
    """Raise WinnowError for another release than results are made with; any build of it will do."""
    release = installed.partition("+")[0]
    if release != TORCH_RELEASE:
        raise WinnowError(
            f"This is torch {release}, but results are made with {TORCH_RELEASE}: pip install torch=={TORCH_RELEASE}"
        )


def numerics_class(resource: Literal["cpu", "gpu"]) -> str:
    """What bits depend on beside unit and threads: CPU vendor and instruction set, or GPU and libraries; torch's build.

    Raises WinnowError where there is no such GPU.
    """
    import torch  # noqa: PLC0415 - a parent that has no torch asks for the environment of its child

    if resource == "gpu":
        if not torch.cuda.is_available():
            raise WinnowError('A GPU is asked for, and torch finds none here: ask for "resource": "cpu".')
        place = _tried_gpu()
    else:
        place = f"{_cpu()[0]} {torch.backends.cpu.get_cpu_capability()}"
    return f"{resource} {place} torch {torch.__version__}"


@cache
def _tried_gpu() -> str:
    """Its name and its libraries, after something was computed on it.

    Torch also counts GPUs that it has no kernels for, or that others have for themselves. A convolution is tried too,
    forward and back: cuDNN is loaded where it is first wanted, and may not be there.
    """
    import torch  # noqa: PLC0415 - see above

    try:
        images = torch.ones(8, 8, 8, 8, device="cuda", requires_grad=True)
        kernels = torch.ones(8, 8, 3, 3, device="cuda", requires_grad=True)
        made = torch.nn.functional.conv2d(images, kernels)
        loss = (made @ made).sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        loss.item()  # waits for all of it
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return f"{torch.cuda.get_device_name()} cuda {torch.version.cuda} cudnn {cudnn}"
    except RuntimeError as error:
        raise WinnowError(f"torch finds a GPU here and cannot compute on it: {error}") from error


def share_gpu(sharers: int) -> None:
    """Leave the other processes on this GPU their part of its memory.

    Where cuDNN finds no room for the algorithm that it wants it takes another one, with other last bits: neighbours
    that take no more than their part do not bring that about. Raises WinnowError where the parts are too small.
    """
    import torch  # noqa: PLC0415 - see above

    memory = torch.cuda.get_device_properties().total_memory
    part = memory // sharers - CUDAS_OWN
    if part < CUDAS_OWN:
        raise WinnowError(
            f"{sharers} slots share a GPU of {memory / 2**30:.1f} GiB, and CUDA takes most of that for itself. Set "
            f"WINNOW_SLOTS to {max(1, memory // (2 * CUDAS_OWN))} a GPU at most."
        )
    torch.cuda.set_per_process_memory_fraction(part / memory)


def foreseen_class() -> str | None:
    """The class that `settle` will name on this CPU, without the seconds that torch takes; None where only it can tell.

    Raises WinnowError where torch is another release than results are made with.
    """
    build = _installed()
    vendor, instructions = _cpu()
    if build is None or "avx2" not in instructions:
        return None
    check_release(build)
    return f"cpu {vendor} AVX2 torch {build}"


def _installed() -> str | None:
    """The build of torch that an import would find, as it names itself."""
    torch = find_spec("torch")
    version = Path(torch.origin).with_name("version.py") if torch and torch.origin else None
    said = re.search(r"__version__ = '([^']+)'", version.read_text()) if version and version.exists() else None
    return said[1] if said else None


def _cpu() -> tuple[str, frozenset[str]]:
    """Vendor and instruction sets."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except FileNotFoundError:  # not Linux
        return platform.machine(), frozenset()
    lines = [line.partition(":") for line in text.splitlines()]
    facts = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    vendor = facts.get("vendor_id") or facts.get("CPU implementer") or platform.machine()
    return vendor, frozenset(facts.get("flags", "").split())
