"""The recipes of docs/extending.md: each example is run as it stands there, and does what its recipe says."""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.support.api import Api
from tests.support.sources import ROOT
from tests.support.subjects import subject
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.criteria import CRITERIA
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.contract.specs.pruning import Criterion
from winnow.lottery.architectures import build, prunable
from winnow.lottery.local import run_job
from winnow.lottery.pruning import prune
from winnow.lottery.warm import Warm
from winnow.plan import Pending, Resolved, places, plan, resolve
from winnow.plan.counts import Counts

TEXT = (ROOT / "docs" / "extending.md").read_text()
RECIPES = dict(re.findall(r"^## (.+?)\n(.+?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def example(recipe: str) -> dict[str, Any]:
    """What the names of a recipe's example are bound to after each of its pieces has gone where its first line says."""
    names: dict[str, Any] = {"__name__": "example"}
    for code in re.findall(r"```python\n(.+?)```", RECIPES[recipe], re.DOTALL):
        file = re.match(r"# (winnow/[\w/]+)\.py\n", code)
        where = names if file is None else vars(_module(file[1].replace("/", ".")))
        exec(compile(code, "docs/extending.md", "exec"), where)  # noqa: S102 - the project's own page
        names |= where
    return names


def _module(name: str) -> ModuleType:
    """The module of that name; a new one where there is none."""
    if find_spec(name) is None:
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__file__ = "docs/extending.md"
    return import_module(name)


# Collected by pytest from here: the conformance suite of the storage that the recipe adds.
TestStorage = example("A storage")["TestLocalAsAnyOther"]


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    """What an example adds to a table is there for its test alone."""
    known: tuple[dict[str, Any], ...] = (CRITERIA, ARCHITECTURES)
    before = [dict(table) for table in known]
    yield
    for table, entries in zip(known, before, strict=True):
        table.clear()
        table.update(entries)
    for name in [
        name for name, module in sys.modules.items() if getattr(module, "__file__", "") == "docs/extending.md"
    ]:
        del sys.modules[name]


def test_there_is_a_recipe_for_each_way_to_extend() -> None:
    assert list(RECIPES) == ["A criterion", "An architecture", "A unit kind", "A job kind", "A route", "A storage"]


def test_files_named_in_a_recipe_exist() -> None:
    named = set(re.findall(r"`((?:winnow|app|worker|tests)/[\w/.]+)`", TEXT))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_criterion_decides_what_is_pruned() -> None:
    example("A criterion")
    it = subject("lenet_300_100")
    masks = prune(it, Criterion(name="smallest"), Counts(1000, None), lambda: None)
    gone = np.concatenate([np.abs(it.values[name])[~mask] for name, mask in masks.items()])
    left = np.concatenate([np.abs(it.values[name])[mask] for name, mask in masks.items()])
    assert gone.size == 1000
    assert gone.min() >= left.max()


class Done(NamedTuple):
    """A job that was worked off in a folder."""

    job: Any
    units: Path


def train_a_perceptron(folder: Path) -> Done:
    sent = {"kind": "train", "dataset": "digits", "model": "perceptron", "train": {"steps": 30}}
    job = resolve(SPEC.validate_python(sent), DATASETS["digits"], "cpu")
    run_job(job, folder, Warm(None), lambda _: None)
    return Done(job, folder / "units")


def test_an_architecture_can_be_trained(tmp_path: Path) -> None:
    example("An architecture")
    network = build("perceptron", 10, 1, (8, 8))
    assert tuple(prunable(network).items()) == ARCHITECTURES["perceptron"].layers
    done = train_a_perceptron(tmp_path)
    (unit,) = done.units.iterdir()
    assert {"weights.safetensors", "model.onnx"} <= {path.name for path in unit.iterdir()}


class Reading:
    """A workspace that holds the files of one unit and keeps no checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.inputs = {f"model/{path.name}": path for path in folder.iterdir()}

    def checkpoint(self, state: object, now: bool = False) -> None:
        pass

    def restore(self) -> None:
        return None

    def progress(self, done: int, of: int, point: object = None) -> None:
        pass


def test_a_unit_kind_finds_what_the_unit_found_that_it_looks_at(tmp_path: Path) -> None:
    example("An architecture")
    done = train_a_perceptron(tmp_path)
    (folder,) = done.units.iterdir()
    (place,) = places(done.job, {})
    unit = place.unit
    measured = example("A unit kind")["evaluate"](unit, unit.inputs, Reading(folder), Warm(None))
    trained = UnitResult.model_validate_json((folder / "result.json").read_text())
    assert measured.metrics.test == trained.metrics.test
    assert measured.metrics.validation == trained.metrics.validation


def test_a_job_kind_shares_its_units_with_train_jobs() -> None:
    names = example("A job kind")
    sent = {"kind": "train", "dataset": "digits", "model": "lenet_300_100", "seed": 1}
    job = resolve(SPEC.validate_python(sent), DATASETS["digits"], "cpu")
    spec = names["SeedsSpec"](dataset=job.spec.dataset, model=job.spec.model)
    keys = [place.unit.key for place in names["places_of_seeds"](job.model_copy(update={"spec": spec}), {})]
    assert len(set(keys)) == 3
    assert keys[1] == places(job, {})[0].unit.key


def test_a_job_kind_is_planned_by_its_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch there is all it takes: what it costs, and so how far it has come, follows."""
    names = example("A job kind")
    sent = {"kind": "train", "dataset": "digits", "model": "lenet_300_100"}
    job = resolve(SPEC.validate_python(sent), DATASETS["digits"], "cpu")
    spec = names["SeedsSpec"](dataset=job.spec.dataset, model=job.spec.model)
    kinds = import_module("winnow.plan.places")
    others = kinds.places

    def with_seeds(job: Resolved, results: Any) -> Any:
        return names["places_of_seeds"](job, results) if job.spec.kind == "seeds" else others(job, results)

    monkeypatch.setattr(kinds, "places", with_seeds)
    monkeypatch.setattr("winnow.plan.planning.of_one_job", with_seeds)
    found = plan(job.model_copy(update={"spec": spec}), {})
    assert isinstance(found, Pending)
    assert len(found.units) == 3
    assert found.cost == sum(unit.cost for unit in found.units)


def test_a_route_answers_and_refuses_unknown_parameters(tmp_path: Path) -> None:
    api = Api(tmp_path, max_upload_bytes=7)
    api.server.app.include_router(example("A route")["router"])
    with api:
        assert api.get("/v1/limits").json() == {"max_upload_bytes": 7}
        assert api.get("/v1/limits?unknown=1").status_code == 422
