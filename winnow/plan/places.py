"""What a job consists of, by its kind."""

from collections.abc import Mapping

from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import EvaluateSpec, PruneSpec
from winnow.contract.specs.transfer import TransferSpec
from winnow.plan import needed
from winnow.plan.evaluations import evaluation
from winnow.plan.place import Place
from winnow.plan.resolved import Resolved
from winnow.plan.transfers import transfers


def places(job: Resolved, results: Mapping[str, UnitResult]) -> tuple[Place, ...]:
    """Every unit of the job that can be named by now, in the order of its needs."""
    if isinstance(job.spec, EvaluateSpec):
        return evaluation(job, job.spec)
    if isinstance(job.spec, TransferSpec):
        return transfers(job)
    return needed.needed(job, results)


def cost_at_most(job: Resolved, results: Mapping[str, UnitResult]) -> int:
    """The cost of all units that the job may come to need. It never grows as results come in."""
    if isinstance(job.spec, PruneSpec):  # of the others every unit is named at once
        return needed.cost_at_most(job, results)
    return sum(place.unit.cost for place in places(job, results))
