import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from winnow.contract.problems import WinnowError
from winnow.contract.units import TORCH_RELEASE
from winnow.lottery.numerics import check_release, environment, numerics_class, settle, share_gpu

ASK = """
import sys
from winnow.lottery import numerics
assert "torch" not in sys.modules
assert numerics.environment(3)["OMP_NUM_THREADS"] == "3"
assert "torch" not in sys.modules
foreseen = numerics.foreseen_class()
assert "torch" not in sys.modules
settled = numerics.settle(3, "cpu")
assert foreseen in (settled, None), (foreseen, settled)
print(settled)
import torch
print(torch.get_num_threads(), torch.backends.cpu.get_cpu_capability())
"""


def test_the_environment_is_told_without_torch_and_then_holds() -> None:
    wanted = environment(3)
    ended = subprocess.run(
        [sys.executable, "-c", ASK], env=os.environ | wanted, check=True, capture_output=True, text=True
    )
    numerics, settled = ended.stdout.splitlines()
    assert settled == f"3 {wanted['ATEN_CPU_CAPABILITY'].upper()}"
    assert wanted["ATEN_CPU_CAPABILITY"].upper() in numerics


def test_the_class_names_processor_instruction_set_and_build() -> None:
    kind, vendor, instructions, *build = settle(1, "cpu").split()
    assert kind == "cpu"
    assert vendor
    assert instructions == torch.backends.cpu.get_cpu_capability()
    assert build == ["torch", torch.__version__]
    assert numerics_class("cpu") == settle(1, "cpu")


def test_settling_fixes_threads_and_precision() -> None:
    settle(2, "cpu")
    assert torch.get_num_threads() == 2
    settle(1, "cpu")
    assert torch.get_num_threads() == 1
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    assert not torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction


SETTLE_TWICE = """
from winnow.lottery.numerics import settle
settle(1, "cpu"), settle(1, "cpu")
import torch
assert not torch.backends.cuda.matmul.allow_tf32  # torch asks this before it multiplies on a GPU, and may raise
"""


@pytest.mark.parametrize("allowed", ["0", "1"])
def test_what_a_container_says_of_tf32_changes_nothing(allowed: str) -> None:
    said = os.environ | {"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": allowed}
    subprocess.run([sys.executable, "-c", SETTLE_TWICE], env=said, check=True)


@pytest.mark.parametrize(("gib", "sharers"), [(24, 2), (24, 8), (80, 16)])
def test_processes_that_share_a_gpu_leave_room_for_what_cuda_takes_for_each(
    gib: int, sharers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fractions: list[float] = []
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: SimpleNamespace(total_memory=gib << 30))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", fractions.append)
    share_gpu(sharers)
    assert sharers * (fractions[0] * gib + 0.75) == pytest.approx(gib)


def test_more_processes_than_a_gpu_has_room_for_are_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: SimpleNamespace(total_memory=8 << 30))
    with pytest.raises(WinnowError, match=r"8 slots share a GPU of 8\.0 GiB.* WINNOW_SLOTS to 5 a GPU at most"):
        share_gpu(8)


@pytest.mark.parametrize("build", ["", "+cpu", "+cu130"])
def test_any_build_of_the_release_will_do(build: str) -> None:
    check_release(TORCH_RELEASE + build)


@pytest.mark.parametrize("other", ["2.12.1", "2.13.1+cpu", "3.0.0"])
def test_another_release_is_refused_with_what_to_do(other: str) -> None:
    with pytest.raises(WinnowError, match=f"pip install torch=={TORCH_RELEASE}"):
        check_release(other)
