"""One grammar for all specs: a choice is `{"name": …, parameters}`, and a string is short for it."""

from typing import Any

from pydantic import BeforeValidator

from winnow.contract.values import Value

MAX_STEPS = 10_000_000


def spelt_out(value: Any) -> Any:
    """A string as the choice that it is short for; anything else as it is."""
    return {"name": value} if isinstance(value, str) else value


def short(choice: Any) -> BeforeValidator:
    """A string is short for a choice by that name, and the JSON schema says so."""
    return BeforeValidator(spelt_out, json_schema_input_type=str | choice)


def unless_given(sent: Any, names: tuple[str, ...], default: dict[str, Any]) -> Any:
    """What was sent, with a default where none of these fields is given."""
    if isinstance(sent, dict) and all(sent.get(name) is None for name in names):
        return sent | default
    return sent


def exactly_one(value: Value, *names: str) -> None:
    """Refuse more than one of these fields, and none of them."""
    if sum(getattr(value, name) is not None for name in names) != 1:
        raise ValueError(f"give {', '.join(names[:-1])} or {names[-1]}, one of them")
