"""Every recipe is a job that can be sent as it is."""

import json
from pathlib import Path

import pytest

from tests.support.sources import ROOT
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.specs.jobs import SPEC
from winnow.plan import Known, places, resolve_sent

RECIPES = sorted((ROOT / "recipes").rglob("*.json"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_recipe_can_be_sent_as_it_is(recipe: Path) -> None:
    known = Known(dataset=DATASETS.__getitem__, model=lambda _: (), auto="cpu")
    assert places(resolve_sent(json.loads(recipe.read_text()), SPEC.validate_python, known), {})
