"""The GPUs that a process started here may use, told without torch, which takes seconds."""

from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

DEVICES = Path("/dev")


def seen(environment: Mapping[str, str], devices: Path = DEVICES) -> tuple[str, ...]:
    """As CUDA_VISIBLE_DEVICES names them, in its order; where that is not set, the numbers of all that there are.

    As for CUDA, the list ends with the first name of none ("", "-1"). Whether torch can use them only it knows.
    """
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        found = [path for path in devices.glob("nvidia[0-9]*") if path.name[len("nvidia") :].isdigit()]
        of_windows = (devices / "dxg").exists()  # WSL shows its GPU so
        return tuple(str(number) for number in range(len(found) or of_windows))
    return tuple(takewhile(lambda name: name not in {"", "-1"}, (name.strip() for name in named.split(","))))
