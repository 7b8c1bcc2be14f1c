"""Pure planning: spec and results so far → units to do, progress, verdict, certificate."""

from winnow.plan.place import Place
from winnow.plan.planning import Finished, Outcome, Part, Pending, levels, parts, places, plan, points, table
from winnow.plan.resolved import Resolved
from winnow.plan.resolving import Known, resolve, resolve_sent
from winnow.plan.sources import brought

__all__ = [
    "Finished",
    "Known",
    "Outcome",
    "Part",
    "Pending",
    "Place",
    "Resolved",
    "brought",
    "levels",
    "parts",
    "places",
    "plan",
    "points",
    "resolve",
    "resolve_sent",
    "table",
]
