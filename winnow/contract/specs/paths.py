"""A field by its path, as `train.optimizer.lr`: where a sweep and `--set` put a value."""

from collections.abc import Mapping, Sequence
from typing import Any

from winnow.contract.specs.short_forms import opened


def put(sent: Mapping[str, Any], path: Sequence[str], value: Any, whole: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent with a value at a path, all else as it was.

    `whole`: the same with defaults written out: of a choice that was left out, the one that a path leads into. Raises
    ValueError where a path leads through something that has no fields.
    """
    try:
        done: dict[str, Any] = _put("", sent, path, value, whole)
    except ValueError as nowhere:
        raise ValueError(f"{'.'.join(path)} leads nowhere: {nowhere}") from nowhere
    return done


def _put(field: str, sent: Any, steps: Sequence[str], value: Any, whole: Any) -> Any:
    if not steps:
        return value
    defaults = whole if isinstance(whole, Mapping) else {}
    here = _chosen(defaults) if sent is None else opened(field, sent)
    if not isinstance(here, Mapping):
        raise ValueError(f"there is no field {steps[0]} in {sent!r}")
    step, *rest = steps
    return {**here, step: _put(step, here.get(step), rest, value, defaults.get(step))}


def _chosen(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Of a choice its name alone: its parameters have defaults of their own, and some exclude others."""
    return {"name": defaults["name"]} if defaults.get("name") else {}
