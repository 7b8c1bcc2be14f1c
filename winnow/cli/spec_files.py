"""Jobs as files, and what is laid over them."""

import json
import sys
from collections.abc import Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from winnow.contract.specs.jobs import SPEC
from winnow.contract.specs.paths import put
from winnow.contract.specs.presets import WRITTEN_OUT

Settings = dict[tuple[str, ...], Any]
"""Values by the path of their field."""

Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Any field by its path, as train.optimizer.lr=0.1: JSON, else text. Again for each.",
    ),
]

REPLACED = {
    "epochs": ("steps",),
    "steps": ("epochs",),
    "epoch": ("step",),
    "step": ("epoch",),
    "preset": WRITTEN_OUT,
}
"""What else stands in a file for the same thing as what is laid over it."""

ASKED = {"dataset": "-", "model": "-"}
"""In the place of what has no default, until it is given."""


def assigned(fields: list[str] | None) -> Settings:
    """What `--set` says. Raises BadParameter for what is no assignment."""
    found: Settings = {}
    for field in fields or ():
        path, equals, text = field.partition("=")
        if not equals or not all(path.split(".")):
            raise typer.BadParameter(f"{field!r} is no FIELD=VALUE, as train.optimizer.lr=0.1", param_hint="--set")
        try:
            found[tuple(path.split("."))] = json.loads(text, parse_constant=_no_constants)
        except ValueError:
            found[tuple(path.split("."))] = text
    return found


def read_spec(file: Path) -> dict[str, Any]:
    """The JSON object in a file, or on standard input for `-`."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        spec = json.loads(text, parse_constant=_no_constants)
    except OSError as missing:
        raise typer.BadParameter(f"{file}: {missing.strerror}") from missing
    except ValueError as wrong:
        raise typer.BadParameter(f"{file} is not JSON: {wrong}") from wrong
    if not isinstance(spec, dict):
        raise typer.BadParameter(f"{file} holds no JSON object")
    return spec


def overlaid(spec: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """A spec with each setting put at its path.

    What is given in epochs takes the place of steps, and the other way round, a target that of the file's, a preset
    that of what it is short for.
    """
    result = dict(spec)
    if any(path[0] == "target" for path in settings):
        result.pop("target", None)
    for path, value in settings.items():
        try:
            result = put(result, path, value, _written_out(result))
        except ValueError as nowhere:
            raise typer.BadParameter(str(nowhere), param_hint="--set") from nowhere
        *folders, name = path
        place = reduce(getitem, folders, result)
        for replaced in REPLACED.get(name, ()):
            place.pop(replaced, None)
    return result


def _written_out(spec: dict[str, Any]) -> Mapping[str, Any]:
    """A spec with its defaults, but for what it has to say itself; where it cannot be read yet, those of its kind."""
    for known in (spec, {"kind": spec.get("kind")}):
        try:
            whole = SPEC.validate_python(ASKED | known).model_dump(mode="json")
        except ValidationError:
            continue
        return {name: value for name, value in whole.items() if name in spec or name not in ASKED}
    return {}


def _no_constants(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
