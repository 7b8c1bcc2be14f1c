"""Which units of a job that trains are needed by now: what results decide of it is decided here."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from winnow.contract.results import UnitResult
from winnow.contract.rows import FoundRewind
from winnow.contract.specs.jobs import PruneSpec
from winnow.contract.units import Unit
from winnow.plan.chains import chains, fixed_steps, instability_test
from winnow.plan.densities import steps_to
from winnow.plan.place import Place
from winnow.plan.resolved import Resolved
from winnow.plan.stability import is_auto, rewinding_to, search
from winnow.plan.targets import levels_at_most, levels_wanted

Results = Mapping[str, UnitResult]

FIRST_LEVELS = 8
"""Named at once where results decide how many there are; then twice as many, and so on."""


def needed(job: Resolved, results: Results) -> tuple[Place, ...]:
    """Every unit of the job that is known to be needed by now.

    There may be more where rates by layer wait for the first counts, or where results decide to where it rewinds or
    how many levels it takes.
    """
    if not is_auto(job):
        return _from_a_point(job, results)
    found = search(instability_test(job.model_dump_json()), results)
    source = (Place(0, "source", 0, unit) for unit in job.source[:1])
    tests = (Place(0, "stability", 0, unit) for unit in found.units)
    rest = _from_a_point(rewinding_to(job, found.found.step), results) if found.found else ()
    found_once = {place.unit.key: place for place in (*source, *tests, *rest)}  # in a short training both keep step 0
    return tuple(found_once.values())


def cost_at_most(job: Resolved, results: Results) -> int:
    """The cost of all units that the job may come to need. It never grows as results come in."""
    if not is_auto(job):
        return _costs(place.unit for place in needed(job, results)) + _cost_below(job, results)
    tests = instability_test(job.model_dump_json())
    if (found := search(tests, results).found) is None:
        return _costs(tests) + cost_at_most(rewinding_to(job, 0), results)
    below = _cost_below(rewinding_to(job, found.step), results)
    return _costs(place.unit for place in needed(job, results)) + below


def found_rewind(job: Resolved, results: Results) -> FoundRewind | None:
    """Where `"rewind": "auto"` rewinds to; None while that is not known, and where a point was given."""
    return search(instability_test(job.model_dump_json()), results).found if is_auto(job) else None


def _from_a_point(job: Resolved, results: Results) -> tuple[Place, ...]:
    if not isinstance(job.spec, PruneSpec):
        return chains(job.model_dump_json(), ())
    if job.spec.open_target:
        return _down_to_the_target(job, job.spec, results)[0]
    return chains(job.model_dump_json(), fixed_steps(job, job.spec, results))


def _down_to_the_target(job: Resolved, spec: PruneSpec, results: Results) -> tuple[tuple[Place, ...], int]:
    """The units down to the level that is wanted by now, and the number of that level."""
    resolved, named = job.model_dump_json(), FIRST_LEVELS
    while True:
        known = chains(resolved, steps_to(named))
        wanted = levels_wanted(job, spec, _whole_levels(known, results))
        if wanted <= named:
            return tuple(place for place in known if place.level <= wanted), wanted
        named *= 2


def _cost_below(job: Resolved, results: Results) -> int:
    """The cost of the levels that an open target may come to need, below those that it needs by now."""
    if not (isinstance(job.spec, PruneSpec) and job.spec.open_target):
        return 0
    known, deepest = _down_to_the_target(job, job.spec, results)
    at_most = levels_at_most(job, job.spec, _whole_levels(known, results))
    first = chains(job.model_dump_json(), steps_to(FIRST_LEVELS))
    return (at_most - deepest) * _costs(place.unit for place in first if place.level == 1)


def _whole_levels(known: Sequence[Place], results: Results) -> list[list[UnitResult]]:
    """The networks of each level from 0 on, by replicate, up to the first level that lacks one."""
    networks: dict[int, list[UnitResult | None]] = {}
    for place in known:
        if place.arm in ("dense", "ticket"):
            networks.setdefault(place.level, []).append(results.get(place.unit.key))
    return [[one for one in level if one] for level in takewhile(all, networks.values())]


def _costs(units: Iterable[Unit]) -> int:
    return sum(unit.cost for unit in units)
