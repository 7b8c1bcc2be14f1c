"""What a model stands on: the units that its own read from, and the models that their trainings began with."""

from collections.abc import Callable

from winnow.contract.units import Unit


def lineage(unit: Unit, find: Callable[[str], Unit | None]) -> tuple[Unit, ...]:
    """The unit, its parents in the order of their roles, then what these began with, down to fresh networks.

    `find` looks a unit up by its key; what it does not find is left out.
    """
    found, wanted = {unit.key: unit}, list(unit.parents.values())
    for key in wanted:  # which grows
        other = None if key in found else find(key)
        if other is not None:
            found[key] = other
            wanted += [other.parents[role] for role in ("start", "model") if role in other.parents]
    return tuple(found.values())
