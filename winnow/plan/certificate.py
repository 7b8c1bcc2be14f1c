"""The certificate: what was asked, what was found, and every check that held."""

from collections.abc import Mapping, Sequence
from typing import Any

from winnow.contract.results import Check, Score, UnitResult
from winnow.contract.specs.jobs import PruneSpec, Spec
from winnow.contract.specs.sweep import At
from winnow.contract.specs.transfer import CARRIED, TransferSpec
from winnow.contract.units import TORCH_RELEASE, Unit
from winnow.plan.notes import notes
from winnow.plan.place import Place
from winnow.plan.places import places
from winnow.plan.resolved import Resolved
from winnow.plan.rows import claims, level_of_target, levels, sparsest_matching


def certificate(job: Resolved, results: Mapping[str, UnitResult]) -> dict[str, Any]:
    """The JSON of a finished job. It names no time and no machine, so the same spec gives the same certificate."""
    known = places(job, results)
    checks = audit(job, results)
    return {
        "certificate": 1,
        "asked": job.spec.model_dump(mode="json"),
        "dataset": job.dataset and job.dataset.model_dump(mode="json") | {"splits": job.dataset.sizes()._asdict()},
        "model": job.model and {"id": job.model.model_id, "unit": job.model.key, "origin": _origin(job.model)},
        "found": claims(job, results).model_dump(mode="json"),
        "levels": [row.model_dump(mode="json") for row in levels(job, results)],
        "networks": [
            _network(place, results[place.unit.key]) for place in known if place.arm not in ("stability", "features")
        ],
        "audit": [check.model_dump(mode="json") for check in checks],
        "torch": TORCH_RELEASE,
        "numerics": sorted({results[place.unit.key].numerics for place in known}),
        "notes": list(notes(job, results)),
    }


def of_points(asked: Spec, found: Sequence[tuple[At, Mapping[str, Any]]]) -> dict[str, Any]:
    """The certificate of a sweep: that of each of its points."""
    points = [{"at": at, **own} for at, own in found]
    return {"certificate": 1, "asked": asked.model_dump(mode="json"), "points": points, "torch": TORCH_RELEASE}


def audit(job: Resolved, results: Mapping[str, UnitResult]) -> tuple[Check, ...]:
    """Every check of every unit by name, and those that only the whole job can make."""
    known = places(job, results)
    by_name: dict[str, list[tuple[str, Check]]] = {}
    for place in known:
        for check in results[place.unit.key].checks:
            by_name.setdefault(check.name, []).append((place.unit.key, check))
    gathered = [_gather(name, found) for name, found in by_name.items()]
    if isinstance(job.spec, TransferSpec):
        arms = tuple(place for place in known if place.arm in CARRIED)
        return (*gathered, _equal_budget(job, arms, results))
    if not isinstance(job.spec, PruneSpec):
        return tuple(gathered)
    return (*gathered, _equal_budget(job, known, results), _no_test_data_in_a_choice(job, known, results))


def _origin(model: Unit) -> str:
    return model.kind if model.kind in ("brought", "pretrained") else "trained here"


def _gather(name: str, found: list[tuple[str, Check]]) -> Check:
    failed = [(key, check) for key, check in found if not check.ok]
    if failed:
        key, check = failed[0]
        return Check(name=name, ok=False, evidence=f"{len(failed)} of {len(found)} units; {key}: {check.evidence}")
    return Check(name=name, ok=True, evidence=f"{len(found)} of {len(found)} units; {found[-1][1].evidence}")


def _equal_budget(job: Resolved, known: tuple[Place, ...], results: Mapping[str, UnitResult]) -> Check:
    trained = [(place, results[place.unit.key].total_steps) for place in known if place.arm != "source"]
    down = sorted({place.level for place, _ in trained})
    wrong = [
        f"{place.arm} at level {place.level}: {steps} steps"
        for place, steps in trained
        if steps != job.steps + _steps_before(job, down, place)
    ]
    longest = max(steps for _, steps in trained)
    said = f"every arm trains {job.steps} steps"
    if longest > job.steps:
        said = f"dense and random_reinit train {job.steps} steps, others up to {longest}"
    return Check(name="equal_budget", ok=not wrong, evidence=wrong[0] if wrong else said)


def _steps_before(job: Resolved, down: list[int], place: Place) -> int:
    """Steps that an arm has behind it when its own T begin; `down`: the job's levels, from dense on."""
    if place.arm == "fine_tuned":
        return job.steps
    if place.arm in ("dense", "random_reinit") or job.retrain.lr == "resume":
        return 0
    if job.retrain.weights == "rewound":
        return job.retrain.step
    return job.steps * (down.index(place.level) if place.arm == "ticket" else 1)


def _no_test_data_in_a_choice(job: Resolved, known: tuple[Place, ...], results: Mapping[str, UnitResult]) -> Check:
    """The choice is made again with every test score taken away: it must come out the same."""
    blind = {place.unit.key: _without_test(results[place.unit.key]) for place in known}
    chosen, again = _choices(job, results), _choices(job, blind)
    return Check(name="no_test_data_in_a_choice", ok=chosen == again, evidence=f"{chosen}; without test scores {again}")


def _choices(job: Resolved, results: Mapping[str, UnitResult]) -> str:
    level, sparsest = level_of_target(job, results).level, sparsest_matching(job, results)
    return f"the target's level {level}, sparsest matching level {sparsest}"


def _without_test(result: UnitResult) -> UnitResult:
    nothing = Score(correct=0, images=1, loss=0.0)
    metrics = result.metrics.model_copy(update={"test": nothing, "best_test": nothing})
    return result.model_copy(update={"metrics": metrics})


def _network(place: Place, result: UnitResult) -> dict[str, Any]:
    scores = result.metrics.model_dump(mode="json", exclude_none=True)
    return {
        "level": place.level,
        "arm": place.arm,
        "replicate": place.replicate,
        "unit": place.unit.key,
        "model_id": place.unit.model_id,
        "zeros": result.zeros,
        "prunable": result.prunable,
        "parameters": result.parameters,
        "nonzeros": result.nonzeros,
        "macs": {"dense": result.macs_dense, "effective": result.macs_effective},
        "tensors": [tensor.model_dump(mode="json") for tensor in result.tensors],
        "start_step": result.start_step,
        "end_step": result.end_step,
        "total_steps": result.total_steps,
        "scores": {name: scores[name] for name in ("train", "validation", "test") if name in scores},
        "lowest_validation_loss": {
            name: scores[f"best_{name}"] for name in ("step", "validation", "test") if f"best_{name}" in scores
        },
        "files": {name: file.model_dump(mode="json") for name, file in sorted(result.files.items())},
    }
