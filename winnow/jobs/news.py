"""What a settle has to tell, as events: units that were asked for or have ended, and the rows of their levels."""

from collections.abc import Container
from typing import Any

from winnow.jobs.events import Event
from winnow.jobs.knowledge import Knowledge
from winnow.plan import Part, Pending


def news(known: Knowledge) -> list[Event]:
    """The units whose end is taken in now, then the row, as it is by now, of each level that they belong to."""
    found = [unit.key for unit in known.found]
    ended = (*known.seen, *found)
    told: list[Event] = [("unit", _unit(known, key, "done", key in found)) for key in ended]
    for part in known.parts:
        touched = {part.places[key].level for key in ended if key in part.places}
        rows = [row.model_dump(mode="json") for row in part.levels if row.level in touched]
        told += [("level", row | _point(part)) for row in rows]
    return told


def of_new_units(known: Knowledge, answer: Pending, attached: Container[str]) -> list[Event]:
    """The units that the job asks for from now on."""
    new = [unit.key for unit in answer.units if unit.key not in attached]
    return [("unit", _unit(known, key, "ready", cached=False)) for key in new]


def _unit(known: Knowledge, key: str, state: str, cached: bool) -> dict[str, Any]:
    part = next(part for part in known.parts if key in part.places)
    place = part.places[key]
    where = {"level": place.level, "arm": place.arm, "replicate": place.replicate}
    return {"unit": key, "kind": place.unit.kind, **where, "state": state, "cached": cached} | _point(part)


def _point(part: Part) -> dict[str, Any]:
    """The point of a sweep; of points that share a unit the first."""
    return {} if part.at is None else {"point": part.at}
