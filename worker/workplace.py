"""What all slots and duties of one worker share."""

from collections.abc import Callable
from dataclasses import dataclass

from winnow.db.engine import Database
from winnow.storage import Objects
from worker.child import Launch
from worker.cores import Cores
from worker.scratch import Scratch


@dataclass(frozen=True)
class Workplace:
    """One worker process; `ring` rings the bell of a resource's queue and never raises or waits."""

    name: str
    numerics: str
    database: Database
    objects: Objects
    scratch: Scratch
    cores: Cores
    launch: Launch
    ring: Callable[[str], object]
    units_per_runner: int
    stall_seconds: float
    runner_memory_bytes: int
