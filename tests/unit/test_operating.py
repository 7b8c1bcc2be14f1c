"""What docs/operating.md and docs/datasets.md list is what there is."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings as ApiSettings
from tests.support.sources import ROOT
from winnow.contract.catalog.datasets import DATASETS
from winnow.lottery.data.cifar import LAYOUTS
from winnow.lottery.data.idx import READERS
from winnow.lottery.data.official import FOLDERS
from worker.settings import Settings as WorkerSettings

READ_BY: dict[str, type[ApiSettings | WorkerSettings]] = {"API": ApiSettings, "worker": WorkerSettings}
OF_THE_MACHINE = {"worker_name", "cores", "gpus", "slots", "runner_memory_bytes"}
"""Settings whose defaults are found out, and told in words."""


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, its head left out."""
    section = (ROOT / "docs" / page).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def written(name: str, value: Any) -> str:
    """A default as the page writes it."""
    if value is None:
        return ""
    if name.endswith("_bytes"):
        return f"{value / 2**30:g} GiB"
    return f"`{value}`".replace("/HOME/", "HOME/")


def test_every_setting_is_listed_with_its_default_and_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WINNOW_")]:
        monkeypatch.delenv(name)
    listed = {name: (default, who, meaning) for name, default, who, meaning in rows("operating.md", "Settings")}
    wanted = {}
    for name in dict.fromkeys([*WorkerSettings.model_fields, *ApiSettings.model_fields]):
        who = [one for one, settings in READ_BY.items() if name in settings.model_fields]
        settings = READ_BY[who[0]](home=Path("/HOME"))
        default = ".winnow" if name == "home" else getattr(settings, name)
        meaning = type(settings).model_fields[name].description
        said = listed.get(f"`WINNOW_{name.upper()}`", ("", "", ""))[0]
        shown = said if name in OF_THE_MACHINE and said else written(name, default)
        wanted[f"`WINNOW_{name.upper()}`"] = (shown, ", ".join(who), meaning)
    assert listed == wanted


def test_every_built_in_data_set_is_listed_with_its_images_and_its_folder() -> None:
    listed = {
        name: (images, folder)
        for names, images, _, folder, _ in rows("datasets.md", "Built in")
        for name in re.findall(r"`(\w+)`", names)
    }
    layouts = {name: layout.folder for name, layout in LAYOUTS.items()}
    folders = {name: f"{reader}/raw" for name, reader in READERS.items()} | layouts | FOLDERS
    wanted = {}
    for name, facts in DATASETS.items():
        train, test = sum(facts.counts), sum(facts.test_counts or ())
        colours = "grey" if facts.channels == 1 else "colour"
        images = f"{train:,}{f' + {test:,}' if test else ''}, {facts.size[0]}×{facts.size[1]}, {colours}"
        wanted[name] = (images, f"`{folders[name]}`" if name in folders else "")
    assert listed == wanted
