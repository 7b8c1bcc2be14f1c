"""Criteria: a network as it is pruned → scores. Each file here is one, as `winnow.contract.catalog` lists them.

A score is an importance, the highest are kept. It knows no scope and no count, and changes nothing that it looks at.
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from winnow.contract.catalog.criteria import CRITERIA
from winnow.lottery.scoring import Subject
from winnow.lottery.selection import Scores

Criterion = Callable[[Subject], Scores]


def criterion(name: str) -> Criterion:
    """The function of that name in the file of that name."""
    return cast(Criterion, getattr(import_module(f"{__name__}.{CRITERIA[name].name}"), name))
