"""Small transfers: a ticket found on some classes of the digits, taken to the others."""

from collections.abc import Callable
from typing import Any

from tests.support.fabricated import fabricated
from tests.support.lottery import digits_job
from tests.support.planned import Results, Worked, scored, work
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.lineage import lineage
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.plan import Resolved, places, resolve

LOW, HIGH = [str(digit) for digit in range(5)], [str(digit) for digit in range(5, 10)]


def source_job(**changes: Any) -> Resolved:
    """A ticket of two levels on the digits below five."""
    return digits_job(**{"dataset": {"name": "digits", "classes": LOW}, "arms": ["ticket"]} | changes)


def source_units(job: Resolved) -> tuple[Unit, ...]:
    """The unit of the job's last ticket, then those it stands on."""
    by_key = {unit.key: unit for unit in (*job.source, *(place.unit for place in places(job, {})))}
    last = [place.unit for place in places(job, {}) if place.arm in ("ticket", "dense")][-1]
    return lineage(last, by_key.get)


def pruned_from(model: tuple[Unit, ...], **changes: Any) -> Resolved:
    """A job like the source's that begins with a model."""
    spec = SPEC.validate_python(source_job(**changes).spec.model_dump() | {"model": {"name": "mdl_source"}})
    return resolve(spec, DATASETS["digits"], "cpu", model)


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


def dense_job() -> Resolved:
    sent = {"kind": "train", "dataset": {"name": "digits", "classes": LOW}, "model": "digits_cnn"}
    return resolve(SPEC.validate_python(sent | {"train": {"steps": 12}}), DATASETS["digits"], "cpu")


def dense() -> tuple[Unit, ...]:
    """A model that masks nothing."""
    return (places(dense_job(), {})[0].unit,)


def unit_of(job: Resolved, arm: str, replicate: int = 0) -> Unit:
    """The network of an arm."""
    found = [place for place in places(job, {}) if (place.arm, place.replicate) == (arm, replicate)]
    return next(place.unit for place in found if place.unit.kind != "features")


def known_of(source: tuple[Unit, ...]) -> Results:
    """Made-up results of a model's unit and of those it stands on; the rest of its job is somebody else's."""
    results: Results = {}
    if source[0].kind == "brought":
        model = fabricated(places(source_job(), {})[0].unit, {})
        zeros = 100 if source[0].inputs.zeros else 0
        tensors = tuple(tensor.model_copy(update={"zeros": zeros // 2}) for tensor in model.tensors)
        return {source[0].key: model.model_copy(update={"tensors": tensors})}
    job = source_job() if source[0].kind == "level" else dense_job()
    for place in places(job, {}):
        results[place.unit.key] = fabricated(place.unit, results)
    return {unit.key: results[unit.key] for unit in source}


def worked(asked: Resolved, score: Callable[[str], int] = lambda _arm: 150, **given: Any) -> Worked:
    """The job done by made-up results, every network of an arm with so many test images right."""
    arm_of = {place.unit.key: place.arm for place in places(asked, {})}
    return work(asked, scored(lambda unit: score(arm_of[unit.key])), known=known_of(asked.source), **given)
