"""Unit functions: one file a kind. Each is a pure function of the unit and of its parents' files."""

import gc
import time
from collections.abc import Callable
from importlib import import_module
from typing import cast

import torch

from winnow.artifact.digest import file_ref
from winnow.artifact.ticket import fixed_bytes
from winnow.contract.inputs import Inputs
from winnow.contract.results import UnitResult
from winnow.contract.units import Unit
from winnow.lottery.distributed.first import together
from winnow.lottery.distributed.workspaces import FirstWorkspace
from winnow.lottery.faults import told_as_ends
from winnow.lottery.numerics import settle
from winnow.lottery.warm import Warm
from winnow.lottery.workspace import ProcessLost, Repeating, Stop, UnitFailed, Workspace

__all__ = ["ProcessLost", "Stop", "UnitFailed", "Warm", "Workspace", "run", "settle"]

Function = Callable[[Unit, Inputs, Workspace, Warm], UnitResult]


def run(unit: Unit, workspace: Workspace, warm: Warm) -> UnitResult:
    """Do one unit. Its files lie in `workspace.outputs` afterwards and are named by content in the result.

    Raises Stop as `workspace.progress` does, UnitFailed with the reason where the unit cannot be done, and ProcessLost
    where another process of it is gone or the GPU failed.
    """
    started = time.monotonic()
    settle(unit.inputs.threads, unit.inputs.resource)
    with told_as_ends(unit) as look:
        repeating = Repeating(workspace, look)
        with warm.working(repeating.again):
            found = _in_all_processes(unit, repeating, warm)
    if unit.inputs.resource == "gpu":
        # Traced networks go in circles, and a full GPU does not make Python look for those.
        gc.collect()
        torch.cuda.empty_cache()
    files = {path.name: file_ref(path) for path in sorted(workspace.outputs.iterdir())}
    packed = workspace.outputs / "ticket.winnow"
    fixed = fixed_bytes(packed) if packed.exists() else None
    seconds = found.seconds + time.monotonic() - started
    return found.model_copy(update={"files": files, "fixed_bytes": fixed, "seconds": seconds})


def _in_all_processes(unit: Unit, workspace: Workspace, warm: Warm) -> UnitResult:
    """Every process does the unit as one alone would; the first one, which is this one or has started it, keeps it."""
    if unit.processes == 1 or warm.ranks is not None:
        return _by_kind(unit, workspace, warm)
    scratch = workspace.outputs.with_name(f"{workspace.outputs.name}-processes")
    with together(unit, workspace.inputs, scratch, warm) as ranks, warm.among(ranks):
        return _by_kind(unit, FirstWorkspace(workspace, ranks), warm)


def _by_kind(unit: Unit, workspace: Workspace, warm: Warm) -> UnitResult:
    """By the function that has the kind's name, in the file of that name."""
    function = cast(Function, getattr(import_module(f"{__name__}.{unit.kind}"), unit.kind))
    return function(unit, unit.inputs, workspace, warm)
