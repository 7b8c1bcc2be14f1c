"""Every recipe is a job that can be sent as it is."""

import json
from pathlib import Path

import pytest

from tests.support.sources import ROOT
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.datasets import DatasetFacts
from winnow.contract.specs.jobs import SPEC
from winnow.plan import Known, places, resolve_sent

SCENES = DatasetFacts(
    name="scenes",
    fingerprint="5" * 64,
    source="folder",
    format="folder",
    classes=("buildings", "forest", "glacier", "mountain", "sea", "street"),
    channels=3,
    size=(150, 150),
    counts=(150,) * 6,
    test_counts=(50,) * 6,
)
RECIPES = sorted((ROOT / "recipes").rglob("*.json"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_recipe_can_be_sent_as_it_is(recipe: Path) -> None:
    known = Known(dataset=(DATASETS | {"scenes": SCENES}).__getitem__, model=lambda _: (), auto="cpu")
    assert places(resolve_sent(json.loads(recipe.read_text()), SPEC.validate_python, known), {})
