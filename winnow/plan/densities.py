"""Densities by layer: which layer keeps how much, and the way of each layer there."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from winnow.contract.catalog.architectures import Architecture
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.pruning import Iterative, Method
from winnow.plan.counts import Step, rate_for_levels, steps_at_rate

Densities = Mapping[str, Decimal]


def settled_densities(given: Densities, architecture: Architecture, excluded: Collection[str]) -> dict[str, Decimal]:
    """The density of each layer that may be pruned, by its name: its own, else that of its kind.

    Raises InvalidSpec for a layer without one, for one that is excluded as well, and where nothing would be pruned.
    """
    if twice := sorted(set(given) & set(excluded)):
        raise InvalidSpec(f"{twice[0]} has a density and is excluded: leave out one of them.")
    pruned = [(name, kind) for name, kind in architecture.layers if name not in excluded]
    if bare := [name for name, kind in pruned if not {name, kind} & given.keys()]:
        raise InvalidSpec(
            f"No density for {', '.join(bare)}: give one for each layer, by name or by kind; 1 keeps all of it."
        )
    found = {name: given[name] if name in given else given[kind] for name, kind in pruned}
    if min(found.values()) == 1:
        raise InvalidSpec("Every layer keeps all of its weights: give a density below 1 to one of them.")
    return found


def levels_to(densities: Densities, method: Method) -> int:
    """Levels on the way: as many as were asked for, or as the sparsest layer takes at the rate."""
    schedule = method.schedule
    if not isinstance(schedule, Iterative):
        return 1
    if isinstance(schedule.rate, Decimal):
        return len(steps_at_rate(schedule.rate, 1 - min(densities.values())))
    return schedule.levels or 1


def rates_to(densities: Densities, levels: int) -> dict[str, Decimal]:
    """The rate of each layer that takes it to its density in so many levels: all arrive at the same one."""
    return {name: rate_for_levels(1 - density, levels) for name, density in densities.items()}


def steps_to(levels: int) -> tuple[Step, ...]:
    """The levels on the way. None is cut: the last one of each layer's own grid is its density."""
    return tuple(Step(depth, None) for depth in range(1, levels + 1))
