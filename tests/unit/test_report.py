"""Pages of recipes: what a job has left is kept without weights, and the page's numbers are those of the results."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fabricated import fabricated
from tests.support.sources import ROOT
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.plan import Known, Pending, Place, places, plan, resolve_sent

SENT: dict[str, Any] = {
    "kind": "prune",
    "dataset": "digits",
    "model": "lenet_300_100",
    "target": {"sparsity": 0.36},
    "arms": ["ticket", "random_reinit"],
    "replicates": 3,
}
LOW, HIGH = ({"name": "digits", "classes": list(digits)} for digits in ("01234", "56789"))
CARRIED: dict[str, Any] = {
    "kind": "transfer",
    "dataset": HIGH,
    "model": {"job": {"kind": "train", "dataset": LOW, "model": "digits_cnn"}},
    "arms": ["no_mask", "mask_random"],
    "replicates": 3,
    "sweep": {"dataset.fraction": [0.1, 1.0]},
}


def left(folder: Path, sent: dict[str, Any], right: Callable[[Place], int], seconds: Callable[[Place], float]) -> None:
    """What a run leaves in a folder, with so many of 360 test images right, in so many seconds a unit."""
    known = Known(dataset=DATASETS.__getitem__, model=lambda _: (), auto="cpu")
    job = resolve_sent(sent, SPEC.validate_python, known)
    results: dict[str, UnitResult] = {}
    while isinstance(step := plan(job, results), Pending):
        place_of = {place.unit.key: place for place in places(job, results)}
        unit = step.units[0]
        place = place_of[unit.key]
        found = fabricated(unit, results, test=right(place))
        results[unit.key] = found.model_copy(update={"seconds": seconds(place)})
    for key, result in results.items():
        (folder / "units" / key).mkdir(parents=True)
        (folder / "units" / key / "result.json").write_text(result.model_dump_json())


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., str]:
    """The page of a job that was sent so and came out so."""

    def made(
        sent: dict[str, Any], right: Callable[[Place], int], seconds: Callable[[Place], float] = lambda _place: 1.0
    ) -> str:
        left(tmp_path / "out", sent, right, seconds)
        (tmp_path / "some.json").write_text(json.dumps(sent))
        (tmp_path / "some.md").write_text("# Some\n")
        say("keep", "some.json", "out", "kept.json")
        say("page", "kept.json", "some.md", "page.md")
        return (tmp_path / "page.md").read_text()

    def say(*words: str) -> None:
        program = [sys.executable, str(ROOT / "recipes" / "report.py"), *words]
        done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return made


def test_arms_are_compared_replicate_for_replicate(page: Callable[..., str], tmp_path: Path) -> None:
    """Ticket − fresh weights is 36 images of 360 in each replicate, however the replicates differ."""

    def right(place: Place) -> int:
        return {"dense": 324, "ticket": 324, "random_reinit": 288}[place.arm] + 9 * place.replicate

    lines = page(SENT, right).splitlines()
    (ours,) = (line for line in lines if line.startswith("| 63.97%") and "+" in line)
    cells = [cell.strip() for cell in ours.strip("|").split("|")]
    floor = 4.303 / 3**0.5 / 360 * 100  # t of two degrees; of one image, where all replicates agree
    assert cells[1:] == [f"+0.00 ± {floor:.2f}", f"+10.00 ± {floor:.2f}"] * 2
    assert (tmp_path / "page.svg").stat().st_size > 1000


def test_what_the_differences_come_to_is_said_in_words(page: Callable[..., str]) -> None:
    """Tickets win a point at level 1 and lose five at level 2; fresh weights lose ten at both."""

    def right(place: Place) -> int:
        lost = {"dense": 0, "ticket": -4 if place.level == 1 else 18, "random_reinit": 36}[place.arm]
        return 324 - lost + 4 * place.replicate

    text = page(SENT, right)
    floor = 4.303 / 3**0.5 / 360 * 100
    for when in ("At the end", "At lowest validation loss"):
        assert (
            f"- {when}, tickets match dense down to 80.0%; the best of 2 levels looked at is +1.11 ± {floor:.2f} "
            "points against it, at 80.0%; fresh weights are below dense "
            "from 80.0% on and below the ticket from 80.0% on."
        ) in text


def test_tickets_match_down_to_the_sparsest_that_does_and_gaps_are_told(page: Callable[..., str]) -> None:
    """Level 1 loses on the mean of replicates that do not agree; level 2 is as good as dense."""

    def right(place: Place) -> int:
        spread = 20 * (place.replicate - 1) if place.arm == "ticket" and place.level == 1 else 0
        return 324 + spread - 5 * (place.arm == "random_reinit")

    for line in page(SENT, right).splitlines():
        if line.startswith(("- At the end", "- At lowest")):
            assert "tickets match dense down to 64.0% (but for 80.0%, where that cannot be said)" in line
            assert "below the ticket from 64.0% on" in line


def test_one_image_is_one_of_the_jobs_own_test_images(page: Callable[..., str], tmp_path: Path) -> None:
    """Not of the job before it, whose data set may have many more."""
    first = {"kind": "train", "dataset": "digits", "model": "lenet_300_100", "train": {"steps": 99}}
    page(SENT | {"model": {"job": first}}, lambda _place: 300)
    kept = json.loads((tmp_path / "kept.json").read_text())
    before = next(found for found in kept["results"].values() if found["end_step"] == 99)
    before["metrics"]["test"] = {"correct": 30_000, "images": 36_000, "loss": 0.1}
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    program = [sys.executable, str(ROOT / "recipes" / "report.py"), "page", "kept.json", "some.md", "page.md"]
    subprocess.run(program, cwd=tmp_path, check=True)
    floor = 4.303 / 3**0.5 / 360 * 100
    assert f"| +0.00 ± {floor:.2f} |" in (tmp_path / "page.md").read_text()


def test_two_replicates_claim_nothing(page: Callable[..., str]) -> None:
    assert "tickets match" not in page(SENT | {"replicates": 2}, lambda place: 324 + place.replicate)


def test_points_of_a_sweep_are_held_against_the_first(page: Callable[..., str], tmp_path: Path) -> None:
    ways = [{"schedule": "one_shot"}, {"schedule": "one_shot", "rewind": {"step": 5}}]
    sent = SENT | {"arms": ["ticket"], "sweep": {"method": ways}}

    def right(place: Place) -> int:
        retrain = getattr(place.unit.inputs, "retrain", None)
        return 330 if retrain is not None and retrain.step else 312

    text = page(sent, right)
    (ours,) = (line for line in text.splitlines() if line.startswith("| rewind step 5 |") and "+" in line)
    assert "+5.00 ±" in ours
    drawn = (tmp_path / "page.svg").read_text()
    ticks = {float(says): float(x) for x, says in re.findall(r'middle" x="([0-9.]+)" y="\d+">([0-9.]+) %', drawn)}
    (low, left), (high, right_end) = min(ticks.items()), max(ticks.items())
    places = [float(x) for x in re.findall(r'dot ticket" cx="([0-9.]+)"', drawn)]
    shown = [low + (x - left) / (right_end - left) * (high - low) for x in places]
    assert shown == pytest.approx([100 * 312 / 360, 100 * 330 / 360], abs=0.05)


def test_a_transfer_swept_over_a_number_says_where_it_wins_nothing_any_more(page: Callable[..., str]) -> None:
    """Ten points won on a tenth of the images and ten lost on all: the lines cross halfway."""

    def right(place: Place) -> int:
        few = place.unit.facts.fraction != 1
        return 300 + 36 * ((place.arm == "no_mask") == few)

    text = page(CARRIED, right)
    assert "| 0.1 | 93.33 | 83.33 | +10.00 ±" in text
    assert "| 1 | 83.33 | 93.33 | -10.00 ±" in text
    assert "The lines cross near 0.55:" in text


def test_a_transfer_is_as_much_faster_as_scratch_takes_longer_on_the_same_images(page: Callable[..., str]) -> None:
    """From scratch a tenth of the images takes 10 seconds and all take 100; whatever is carried takes half of that."""

    def seconds(place: Place) -> float:
        return 100 * float(place.unit.facts.fraction) / (1 if place.arm == "mask_random" else 2)

    lines = [
        line for line in page(CARRIED, lambda _place: 300, seconds).splitlines() if line.startswith(("| 0.1 ", "| 1"))
    ]
    speeds = {line.strip("| ").split("|")[-1].strip() for line in lines if "| no mask |" in line}
    assert speeds == {"2.0"}


def test_each_network_that_a_job_begins_with_has_a_row_and_what_it_scored(page: Callable[..., str]) -> None:
    first = {"kind": "train", "dataset": LOW, "model": "digits_cnn"}
    second = CARRIED | {"model": {"job": first}, "arms": ["no_mask"], "replicates": 1}
    del second["sweep"]
    sent = SENT | {"dataset": HIGH, "model": {"job": second}}

    def right(place: Place) -> int:
        return {"train": 342, "transfer": 306}.get(place.unit.kind, 324)

    cells = [[cell.strip() for cell in line.split("|")] for line in page(sent, right).splitlines()]
    head = next(row for row in cells if "arm" in row)
    arm, count, test = (head.index(name) for name in ("arm", "n", "test"))
    sources = [(row[arm], row[count], row[test]) for row in cells if len(row) == len(head) and "source" in row[arm]]
    assert sources == [("source: train", "1", "95.00"), ("source: transfer", "1", "85.00")]


def test_what_is_not_done_yet_is_left_open(page: Callable[..., str], tmp_path: Path) -> None:
    page(SENT, lambda _place: 300)
    for folder in sorted((tmp_path / "out" / "units").iterdir())[:5]:
        (folder / "result.json").unlink()
    program = [sys.executable, str(ROOT / "recipes" / "report.py"), "keep", "some.json", "out", "kept.json"]
    said = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert f"of {len(places_of())} units are in kept.json" in said


def test_what_was_kept_of_another_recipe_is_not_thrown_away(page: Callable[..., str], tmp_path: Path) -> None:
    page(SENT, lambda _place: 300)
    before = (tmp_path / "kept.json").read_bytes()
    (tmp_path / "some.json").write_text(json.dumps(SENT | {"seed": 7}))
    program = [sys.executable, str(ROOT / "recipes" / "report.py"), "keep", "some.json", "out", "kept.json"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "are not of some.json as it is now" in " ".join(done.stderr.split())
    assert (tmp_path / "kept.json").read_bytes() == before


def test_slices_of_a_job_add_up(page: Callable[..., str], tmp_path: Path) -> None:
    """Each half of the units in a folder of its own, the second half without what the first was made of."""
    whole = page(SENT, lambda place: 300 + place.level)
    (tmp_path / "kept.json").rename(tmp_path / "whole.json")
    for folder in sorted((tmp_path / "out" / "units").iterdir())[::2]:
        folder.rename(tmp_path / "out" / folder.name)
    other = tmp_path / "other" / "units"
    other.mkdir(parents=True)
    for folder in (tmp_path / "out").glob("[0-9a-f]*"):
        folder.rename(other / folder.name)
    program = [sys.executable, str(ROOT / "recipes" / "report.py")]
    for slice_of in ("out", "other"):
        subprocess.run([*program, "keep", "some.json", slice_of, "kept.json"], cwd=tmp_path, check=True)
    subprocess.run([*program, "page", "kept.json", "some.md", "page.md"], cwd=tmp_path, check=True)
    assert (tmp_path / "kept.json").read_bytes() == (tmp_path / "whole.json").read_bytes()
    assert (tmp_path / "page.md").read_text() == whole


def places_of() -> tuple[Place, ...]:
    known = Known(dataset=DATASETS.__getitem__, model=lambda _: (), auto="cpu")
    return places(resolve_sent(SENT, SPEC.validate_python, known), {})
