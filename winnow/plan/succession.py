"""Jobs that begin with another job's model: what is done first, and when the next one's model is known."""

from collections.abc import Iterable, Mapping, Sequence

from winnow.contract.lineage import lineage
from winnow.contract.problems import InvalidSpec
from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import PruneSpec
from winnow.contract.specs.transfer import TransferSpec
from winnow.contract.units import Unit
from winnow.plan.chains import chains
from winnow.plan.densities import steps_to
from winnow.plan.place import Place
from winnow.plan.places import places
from winnow.plan.resolved import Resolved
from winnow.plan.rows import claims
from winnow.plan.stability import is_auto, rewind_points, rewinding_to
from winnow.plan.transfers import fitted

Results = Mapping[str, UnitResult]

MODELS = ("train", "level", "transfer", "brought", "pretrained")
"""Kinds of unit that make a model to begin with."""


def stages(job: Resolved, results: Results) -> tuple[Resolved, ...]:
    """The jobs whose model is known by now, each as if it were one by itself; the job comes last, once it can."""
    if job.before is None:
        return (job,)
    first = stages(job.before, results)
    if len(first) < depth(job.before) or not is_finished(first[-1], results):
        return first
    model = claims(first[-1], results).target.model_id
    return (*first, fitted(job.model_copy(update={"before": None, "source": _behind(model, first, results)})))


def depth(job: Resolved) -> int:
    """How many jobs it is, with those before it."""
    return 1 + (depth(job.before) if job.before else 0)


def is_finished(stage: Resolved, results: Results) -> bool:
    """Whether nothing of one stage is to be done any more."""
    return all(place.unit.key in results for place in places(stage, results))


def presumed(before: Resolved) -> tuple[Unit, ...]:
    """A unit like the one that will make the model: what can be told of it before anything is done.

    Of a transfer the first replicate of its first arm. Of a prune job the deepest ticket that can be named; a first
    one where results decide how many levels there are or to where it rewinds. Of others the network that is trained.
    Raises InvalidSpec where the job makes none.
    """
    named = (*places(before, {}), *_first_tickets(before))
    models = [place for place in named if place.unit.kind in MODELS and place.arm != "source"]
    tickets = _tickets(models)
    found = (tickets or models or [place for place in named if place.unit.kind in MODELS])[-1:]
    if isinstance(before.spec, TransferSpec):
        found = [place for place in models if place.arm == before.spec.carried[0]][:1]
    if not found:
        raise InvalidSpec(f"A job of the kind {before.spec.kind} makes no model to begin with.")
    return _standing_on(found[0].unit, named, before.source)


def is_known(before: Resolved) -> bool:
    """Whether the ticket that makes the model can be named before anything is done."""
    return not isinstance(before.spec, PruneSpec) or bool(_tickets(places(before, {})))


def _first_tickets(job: Resolved) -> Sequence[Place]:
    if not isinstance(job.spec, PruneSpec) or is_known(job):
        return ()
    one = rewinding_to(job, rewind_points(job.steps)[-1]) if is_auto(job) else job
    return chains(one.model_dump_json(), steps_to(1))


def _tickets(named: Iterable[Place]) -> list[Place]:
    return [place for place in named if place.arm == "ticket"]


def _behind(model_id: str, known: tuple[Resolved, ...], results: Results) -> tuple[Unit, ...]:
    named: list[Place] = [place for stage in known for place in places(stage, results)]
    made = next(place.unit for place in named if place.unit.model_id == model_id)
    return _standing_on(made, named, [unit for stage in known for unit in stage.source])


def _standing_on(made: Unit, named: Iterable[Place], source: Iterable[Unit]) -> tuple[Unit, ...]:
    by_key = {unit.key: unit for unit in (*source, *(place.unit for place in named))}
    return lineage(made, by_key.get)
