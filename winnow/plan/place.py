"""Where a unit stands in the job's table."""

from typing import NamedTuple

from winnow.contract.specs.jobs import PlaceArm
from winnow.contract.units import Unit


class Place(NamedTuple):
    """A unit and the place it has in the job's table: which arm, at which level, of which replicate."""

    level: int
    arm: PlaceArm
    replicate: int
    unit: Unit
