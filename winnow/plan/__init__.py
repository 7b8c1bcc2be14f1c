"""Pure planning: spec and results so far → units to do, progress, verdict, certificate."""

from winnow.plan.chains import Place, places
from winnow.plan.planning import Finished, Outcome, Pending, plan
from winnow.plan.resolve import Resolved, resolve
from winnow.plan.rows import levels, table

__all__ = ["Finished", "Outcome", "Pending", "Place", "Resolved", "levels", "places", "plan", "resolve", "table"]
