from io import StringIO

import pytest
from rich.console import Console

from tests.support.fake_service import job
from winnow.cli.tables import accuracy, jobs_table, levels_table, points_table, predictions_table, state, what
from winnow.cli.watching import claims, job_picture
from winnow.contract.resources import Job, Predictions
from winnow.contract.rows import ArmSummary, Claim, FoundRewind, JobResult, LevelRow, PointRow, TriedRewind
from winnow.contract.specs.transfer import TRANSFER_ARMS

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


def test_every_arm_of_a_transfer_is_a_column() -> None:
    carried = level(1, arms=dict.fromkeys(TRANSFER_ARMS, MEASURED))

    head, row = rendered(levels_table([carried])).splitlines()

    for name in ("mask, init", "mask, rewound", "mask, trained", "random mask", "mask, random", "no mask"):
        assert name in head
    assert row.count("98.6") == len(TRANSFER_ARMS)


def test_a_point_is_a_row_with_its_values_and_its_deepest_level() -> None:
    points = [
        PointRow(at={"dataset.fraction": 0.25, "model": {"name": "lenet5"}}, state="succeeded", levels=(level(1),)),
        PointRow(at={"dataset.fraction": 0.5, "model": {"name": "lenet5"}}, state="queued", levels=()),
    ]

    head, first, second = rendered(points_table(points)).splitlines()

    assert head.split() == ["dataset.fraction", "model", "sparsity", "ticket", "reinit", "dense", "verdict"]
    assert first.split()[:3] == ["0.25", "lenet5", "51.20%"]
    assert first.split()[-1] == "winning"
    assert second.split() == ["0.5", "lenet5", "–", "–", "–", "–", "queued"]


def test_a_queued_job_says_its_place_and_what_it_waits_for() -> None:
    waiting = {"for": "worker", "resource": "cpu", "cores": 64}
    queued = Job.model_validate(job("queued", queue_position=3, waiting=waiting))
    waiting = {"for": "worker", "resource": "gpu", "cores": 2, "gpus": 2}
    on_gpus = Job.model_validate(job("queued", queue_position=1, waiting=waiting))

    text = rendered(jobs_table([queued]))

    assert "queued, 3 in the queue, waits for a cpu worker of 64 cores" in text
    assert "prune lenet5 on digits to 90 %" in text
    assert state(on_gpus).plain == "queued, 1 in the queue, waits for a gpu worker of 2 cores and 2 GPUs a slot"


def test_a_running_job_shows_how_far_it_is() -> None:
    text = rendered(job_picture(Job.model_validate(job(levels=[level(1)]))))

    assert "25%, 1 of 4 units" in text
    assert "about 12 s left" in text
    assert "51.20%" in text


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"sparsity": 0.9}, "prune lenet5 on digits to 90 %"),
        ({"max_accuracy_drop": 0.5}, "prune lenet5 on digits to 0.5 points below dense"),
        ({"max_accuracy_drop": 0}, "prune lenet5 on digits to 0 points below dense"),
        ({"max_bytes": 20_000}, "prune lenet5 on digits to 20,000 bytes"),
    ],
)
def test_a_job_says_what_its_target_is(target: dict[str, float], said: str) -> None:
    spec = {"kind": "prune", "dataset": "digits", "model": "lenet5", "target": target}
    assert what(Job.model_validate(job("running", spec=spec))) == said


def test_a_rewind_point_that_was_found_is_shown_with_every_barrier() -> None:
    tried = [TriedRewind(step=k, barrier=b, stable=b < 0.02, unit="u") for k, b in ((0, 0.3), (5, 0.011))]
    claim = Claim(level=1, sparsity=0.5, verdict="winning", model_id="mdl_1")
    rewind = FoundRewind(step=5, stable=True, tried=tuple(tried))
    text = rendered(claims(JobResult(target=claim, sparsest_matching=None, rewind=rewind)))
    assert "rewound to step 5; error barriers by step: 0: 30.0%, 5: 1.1%" in text
    unstable = rewind.model_copy(update={"stable": False})
    assert "none tried is stable" in rendered(claims(JobResult(target=claim, sparsest_matching=None, rewind=unstable)))


def test_a_target_that_no_level_meets_is_said() -> None:
    dense = Claim(level=0, sparsity=0.0, verdict=None, model_id="mdl_1")
    text = rendered(claims(JobResult(target=dense, target_reached=False, sparsest_matching=None)))
    assert "no level meets the target; the last: 0.00% sparse: mdl_1" in text


def test_names_are_shown_as_they_are_whatever_they_mean_to_the_table() -> None:
    top = [{"label": label, "probability": 0.3} for label in ("[/b]", "[bold]", "c[0]")]
    one = {"name": "[red]a.png", "label": "[/b]", "index": 0, "probability": 0.3, "top": top}
    shown = rendered(predictions_table(Predictions.model_validate({"model_id": "mdl_1", "predictions": [one]})))
    assert all(name in shown for name in ("[red]a.png", "[/b]", "[bold] 30.0%", "c[0] 30.0%"))
