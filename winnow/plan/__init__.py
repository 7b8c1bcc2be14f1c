"""Pure planning: spec and results so far → units to do, progress, verdict, certificate."""

from winnow.plan.place import Place
from winnow.plan.planning import Finished, Outcome, Pending, levels, places, plan, table
from winnow.plan.resolved import Resolved
from winnow.plan.resolving import Known, resolve, resolve_sent
from winnow.plan.sources import brought

__all__ = [
    "Finished",
    "Known",
    "Outcome",
    "Pending",
    "Place",
    "Resolved",
    "brought",
    "levels",
    "places",
    "plan",
    "resolve",
    "resolve_sent",
    "table",
]
