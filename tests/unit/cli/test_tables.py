from io import StringIO

from rich.console import Console

from tests.support.fake_service import job
from winnow.cli.tables import accuracy, jobs_table, levels_table
from winnow.cli.watching import job_picture
from winnow.contract.resources import Job
from winnow.contract.results import ArmSummary, LevelRow

MEASURED = ArmSummary(n=3, mean=0.986, low=0.981, high=0.991)


def level(number: int, **members: object) -> LevelRow:
    row = {
        "level": number,
        "sparsity": 0.512,
        "density": 0.488,
        "zeros": 512,
        "prunable": 1000,
        "sparsity_of_all": 0.5,
        "arms": {"ticket": MEASURED, "dense": MEASURED, "random_reinit": None},
        "verdict": "winning",
        "model_id": "mdl_1",
        "models": [],
    }
    return LevelRow.model_validate(row | members)


def rendered(thing: object) -> str:
    text = StringIO()
    Console(file=text, width=140).print(thing)
    return text.getvalue()


def test_an_accuracy_shows_its_interval_and_what_is_missing() -> None:
    assert accuracy(MEASURED) == "98.6 ± 0.5"
    assert accuracy(ArmSummary(n=1, mean=0.9, low=None, high=None)) == "90.0"
    assert accuracy(None) == "–"


def test_a_level_is_a_row_with_the_arms_that_were_asked_for() -> None:
    dense_only = level(0, sparsity=0.0, arms={"dense": MEASURED}, verdict=None)

    head, first, second = rendered(levels_table([dense_only, level(1)])).splitlines()

    assert head.split() == ["sparsity", "ticket", "reinit", "dense", "verdict"]
    assert first.split() == ["0.00%", "–", "–", "98.6", "±", "0.5"]
    assert second.split() == ["51.20%", "98.6", "±", "0.5", "–", "98.6", "±", "0.5", "winning"]


def test_a_queued_job_says_its_place_and_what_it_waits_for() -> None:
    queued = Job.model_validate(job("queued", queue_position=3, waiting={"for": "worker", "resource": "gpu"}))

    text = rendered(jobs_table([queued]))

    assert "queued, 3 in the queue, waits for a gpu worker" in text
    assert "prune lenet5 on digits to 90 %" in text


def test_a_running_job_shows_how_far_it_is() -> None:
    text = rendered(job_picture(Job.model_validate(job(levels=[level(1)]))))

    assert "25%, 1 of 4 units" in text
    assert "about 12 s left" in text
    assert "51.20%" in text
