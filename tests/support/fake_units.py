"""A units module for `worker.runner` that needs no torch: the seed of a unit says how it behaves."""

import errno
import json
import os
import resource
import signal
import time
from enum import IntEnum
from pathlib import Path
from typing import Any

from tests.support.fabricated import fabricated
from winnow.artifact.digest import file_ref
from winnow.contract.problems import Reason
from winnow.contract.results import Point, UnitResult
from winnow.contract.units import Unit
from winnow.lottery.workspace import ProcessLost, Stop, UnitFailed, Workspace

STEP_SECONDS = 0.01


class Behaviour(IntEnum):
    """What a unit does, as its seed."""

    FINISHES = 0
    TRAINS = 1
    EXITS = 2
    KILLS_ITSELF = 3
    HAS_A_BUG = 4
    DIVERGES = 5
    RAISES_MEMORY_ERROR = 6
    HOLDS_MEMORY = 7
    SAYS_NOTHING = 8
    PRINTS = 9
    FINDS_THE_DISK_FULL = 10
    WRITES_TOO_MUCH = 11
    TELLS_ITS_ENVIRONMENT = 12
    IGNORES_STOP = 13
    LOSES_A_PROCESS = 14


class Warm:
    """Counts the units of one process."""

    def __init__(self, data_dir: Path | None, *_streaming: int) -> None:
        self.data_dir = data_dir
        self.units = 0


def settle(_threads: int, kind: str) -> str:
    """A numerics class."""
    return f"{kind}-fake"


def run(unit: Unit, workspace: Workspace, warm: Warm) -> UnitResult:
    """Behave as the seed says; what finishes leaves `weights.safetensors`."""
    warm.units += 1
    recipe = unit.inputs.recipe
    content = _BEHAVIOURS[Behaviour(recipe.seed)](workspace, recipe.steps)
    content = content or {"pid": os.getpid(), "units": warm.units}
    (workspace.outputs / "weights.safetensors").write_text(json.dumps(content))
    files = {path.name: file_ref(path) for path in workspace.outputs.iterdir()}
    return fabricated(unit, {}).model_copy(update={"files": files, "numerics": settle(1, "cpu")})


Content = dict[str, Any] | None


def _finish(_workspace: Workspace, _steps: int) -> Content:
    return None


def _exit(_workspace: Workspace, _steps: int) -> Content:
    os._exit(7)


def _kill_itself(_workspace: Workspace, _steps: int) -> Content:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def _have_a_bug(_workspace: Workspace, _steps: int) -> Content:
    raise LookupError("no such thing")


def _diverge(_workspace: Workspace, _steps: int) -> Content:
    raise UnitFailed(Reason.USER_ERROR, "Lower the learning rate.")


def _lose_a_process(_workspace: Workspace, _steps: int) -> Content:
    raise ProcessLost("Process 1 of the unit's 2 ended with status -9.")


def _want_more_memory(_workspace: Workspace, _steps: int) -> Content:
    raise MemoryError


def _say_nothing(_workspace: Workspace, _steps: int) -> Content:
    time.sleep(600)
    return None


def _print(_workspace: Workspace, _steps: int) -> Content:
    os.write(1, b'{"result": {}}\n{"broken\n')
    return None


def _find_the_disk_full(_workspace: Workspace, _steps: int) -> Content:
    raise OSError(errno.ENOSPC, "No space left on device")


def _write_too_much(workspace: Workspace, _steps: int) -> Content:
    (workspace.outputs / "large").write_bytes(bytes(1 << 21))
    return None


def _train(workspace: Workspace, steps: int) -> Content:
    """Count steps; from the checkpoint, where there is one."""
    begun_at = int(workspace.restore() or b"0")
    for step in range(begun_at, steps):
        try:
            workspace.progress(step, steps, Point(step=step, values={"loss": 1.0}) if step % 100 == 0 else None)
        except Stop as stop:
            if stop.checkpoint:
                workspace.checkpoint(lambda: str(step).encode(), now=True)  # noqa: B023 - called at once
            raise
        workspace.checkpoint(lambda: str(step).encode())  # noqa: B023 - called at once
        time.sleep(STEP_SECONDS)
    return {"begun_at": begun_at}


def _hold_memory(workspace: Workspace, steps: int) -> Content:
    held = bytearray(os.urandom(1 << 20)) * 300
    for step in range(steps):
        workspace.progress(step, len(held))
        time.sleep(0.1)
    return None


def _ignore_stop(workspace: Workspace, steps: int) -> Content:
    for step in range(steps):
        try:
            workspace.progress(step, steps)
        except Stop:
            continue
        finally:
            time.sleep(STEP_SECONDS)
    return None


def _tell_its_environment(_workspace: Workspace, _steps: int) -> Content:
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in ("RLIMIT_FSIZE", "RLIMIT_NOFILE")}
    return {"environment": dict(os.environ), "limits": limits}


_BEHAVIOURS = {
    Behaviour.FINISHES: _finish,
    Behaviour.TRAINS: _train,
    Behaviour.EXITS: _exit,
    Behaviour.KILLS_ITSELF: _kill_itself,
    Behaviour.HAS_A_BUG: _have_a_bug,
    Behaviour.DIVERGES: _diverge,
    Behaviour.RAISES_MEMORY_ERROR: _want_more_memory,
    Behaviour.HOLDS_MEMORY: _hold_memory,
    Behaviour.SAYS_NOTHING: _say_nothing,
    Behaviour.PRINTS: _print,
    Behaviour.FINDS_THE_DISK_FULL: _find_the_disk_full,
    Behaviour.WRITES_TOO_MUCH: _write_too_much,
    Behaviour.TELLS_ITS_ENVIRONMENT: _tell_its_environment,
    Behaviour.IGNORES_STOP: _ignore_stop,
    Behaviour.LOSES_A_PROCESS: _lose_a_process,
}
