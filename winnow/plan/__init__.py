"""Pure planning: spec and results so far → units to do, progress, verdict, certificate."""

from winnow.plan.place import Place
from winnow.plan.places import places
from winnow.plan.planning import Finished, Outcome, Pending, plan
from winnow.plan.resolve import Resolved
from winnow.plan.resolving import resolve
from winnow.plan.rows import levels, table
from winnow.plan.sources import brought

__all__ = [
    "Finished",
    "Outcome",
    "Pending",
    "Place",
    "Resolved",
    "brought",
    "levels",
    "places",
    "plan",
    "resolve",
    "table",
]
