"""What commands print: JSON for machines, or tables for people. Errors and remarks go to standard error."""

import json
import re
import sys
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from rich.console import Console

PIPE_WIDTH = 160
ROUTES = re.compile(r"GET /v1/(jobs|models|datasets|architectures|criteria)(?:\?job=(\w+))?(?![/\w])")
"""Those that have a command."""


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(_plain(value), sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def spoken(text: str) -> str:
    """A text of the service with commands in the place of routes."""
    text = ROUTES.sub(lambda route: f"`winnow {route[1]}{f' --job {route[2]}' if route[2] else ''}`", text)
    return text.replace("POST /v1/datasets", "`winnow upload`")


def people() -> Console:
    """Standard output, for people; wide enough for every table where it is no terminal but a file or a pipe.

    Brackets are brackets: names and paths may have them.
    """
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def remarks() -> Console:
    """Standard error, for people."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)
