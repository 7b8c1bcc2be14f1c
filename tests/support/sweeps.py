"""The job that tests of sweeps vary: two levels of a small network, no controls."""

from typing import Any

JOB: dict[str, Any] = {
    "kind": "prune",
    "dataset": "digits",
    "model": "lenet_300_100",
    "target": {"sparsity": 0.36},
    "train": {"steps": 12},
    "method": {"schedule": {"name": "iterative", "rate": 0.2}},
    "arms": ["ticket"],
    "replicates": 1,
}
