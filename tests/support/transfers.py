"""Small transfers: a ticket found on some classes of the digits, taken to the others."""

from typing import Any

from tests.support.lottery import digits_job
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.plan import Resolved, places, resolve

LOW, HIGH = [str(digit) for digit in range(5)], [str(digit) for digit in range(5, 10)]


def source_job(**changes: Any) -> Resolved:
    """A ticket of two levels on the digits below five."""
    return digits_job(**{"dataset": {"name": "digits", "classes": LOW}, "arms": ["ticket"]} | changes)


def source_units(job: Resolved) -> tuple[Unit, ...]:
    """The unit of the job's last ticket, then those it stands on."""
    by_key = {place.unit.key: place.unit for place in places(job, {})}
    last = [place.unit for place in places(job, {}) if place.arm in ("ticket", "dense")][-1]
    return last, *(by_key[key] for key in last.parents.values())


def transfer_job(source: tuple[Unit, ...] | None = None, **changes: Any) -> Resolved:
    """That ticket on the digits from five on, with every arm."""
    spec: dict[str, Any] = {
        "kind": "transfer",
        "model": "mdl_source",
        "dataset": {"name": "digits", "classes": HIGH},
        "train": {"steps": 12, "optimizer": {"name": "sgd", "lr": 0.05}},
        "arms": ["mask_init", "mask_rewound", "mask_trained", "no_mask", "random_mask", "mask_random"],
        "replicates": 1,
    }
    found = source_units(source_job()) if source is None else source
    return resolve(SPEC.validate_python(spec | changes), DATASETS["digits"], "cpu", found)
