"""Sweeps: many points in one job, which share what they have in common and end as each would alone."""

from functools import partial
from typing import Any

import pytest

from tests.support.fabricated import DIGITS_LIKE
from tests.support.planned import one_at_a_time, work
from tests.support.sweeps import JOB as SINGLE
from winnow.contract.problems import InvalidSpec
from winnow.contract.reading import read
from winnow.contract.specs.jobs import SPEC
from winnow.contract.specs.sweep import points_of
from winnow.contract.values import canonical_json
from winnow.plan import Finished, Known, Resolved, levels, parts, places, plan, points, resolve_sent, table

JOB = SINGLE | {"replicates": 2}
DEEPER = JOB | {"sweep": {"target.sparsity": [0.36, 0.488, 0.5904]}}
PARTS = JOB | {"sweep": {"dataset.fraction": [0.5, 1.0], "method.criterion": ["magnitude", "random"]}}


def resolved(sent: dict[str, Any]) -> Resolved:
    return resolve_sent(sent, partial(read, SPEC), Known(dataset=lambda _: DIGITS_LIKE, model=_none, auto="cpu"))


def _none(name: str) -> tuple[()]:
    raise InvalidSpec(f"There is no model {name!r}.")


def test_each_point_is_what_it_would_be_as_a_job_by_itself() -> None:
    found = work(resolved(PARTS))
    rows, shown = found.outcome.points, found.outcome.certificate["points"]
    assert len(rows) == 4
    for row, one, (at, alone) in zip(rows, shown, points_of(PARTS, {}), strict=True):
        by_itself = plan(resolved(alone), found.results)
        assert isinstance(by_itself, Finished)
        assert row.at == at
        assert (row.levels, row.result) == (by_itself.outcome.levels, by_itself.outcome.result)
        assert canonical_json(one) == canonical_json({"at": at, **by_itself.outcome.certificate})


def test_the_job_itself_has_neither_levels_nor_a_result() -> None:
    found = work(resolved(DEEPER))
    assert found.outcome.levels == levels(resolved(DEEPER), found.results) == ()
    assert found.outcome.result is None
    assert found.answers[-1].progress.fraction == 1


def test_points_share_what_they_have_in_common() -> None:
    together = work(resolved(DEEPER)).order
    alone = work(resolved(JOB | {"target": {"sparsity": 0.5904}})).order
    assert len(together) == len(alone), "the deepest point holds all the others"
    assert sum(len(part.places) for part in parts(resolved(DEEPER), {})) == 2 * (3 + 4 + 5)


def test_progress_counts_each_unit_once_and_never_falls() -> None:
    found = work(resolved(DEEPER), choose=one_at_a_time)
    shares = [answer.progress.fraction for answer in found.answers]
    assert shares == sorted(shares)
    last = found.answers[-1].progress
    assert last.units_done == last.units_total == len(found.results)


def test_a_point_ends_while_others_go_on() -> None:
    job = resolved(JOB | {"sweep": {"seed": [0, 1, 2]}})
    found = work(job, choose=one_at_a_time)
    rows = points(job, {unit.key: found.results[unit.key] for unit in found.order[:7]})
    assert [row.state for row in rows] == ["succeeded", "running", "queued"]
    assert rows[0].result is not None
    assert rows[1].result is None
    assert [len(row.levels) for row in rows] == [3, 1, 0]


def test_rows_say_which_point_they_are_of() -> None:
    rows = table(resolved(PARTS), work(resolved(PARTS)).results)
    assert [row.at for row in rows[:: len(rows) // 4]] == [at for at, _ in points_of(PARTS, {})]
    assert all(row.at is None for row in table(resolved(JOB), work(resolved(JOB)).results))


def test_a_check_that_fails_fails_its_point_and_the_job() -> None:
    job = resolved(JOB | {"sweep": {"seed": [0, 1]}})
    results = work(job).results
    last = [place.unit.key for place in places(job, results)][-1]
    (check,) = results[last].checks
    results[last] = results[last].model_copy(update={"checks": (check.model_copy(update={"ok": False}),)})
    answer = plan(job, results)
    assert isinstance(answer, Finished)
    assert [row.state for row in answer.outcome.points] == ["succeeded", "failed"]
    assert answer.outcome.points[1].result is None
    assert [check.name for check in answer.outcome.failed_checks] == ["masked_weights_zero"]


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        ({"seed": [0], "target.sparsity": [0.5, 1.5]}, r"At seed = 0, target.sparsity = 1.5: (.|\n)*less than 1"),
        ({"dataset.fractoin": [0.5]}, r"At dataset.fractoin = 0.5: (.|\n)*no such field.*fraction"),
        ({"model": ["mdl_of_nobody"]}, 'At model = "mdl_of_nobody": There is no model'),
        ({"seed.more": [1]}, "there is no field more in 0"),
        (
            {"dataset": ["digits", {"name": "digits"}]},
            'At dataset = {"name":"digits"}: this is the same job as at dataset = "digits". Name it once.',
        ),
    ],
)
def test_a_point_that_cannot_be_done_is_named(sweep: dict[str, list[Any]], says: str) -> None:
    with pytest.raises(InvalidSpec, match=says):
        resolved(JOB | {"seed": 0, "sweep": sweep})


def test_points_together_have_no_more_units_than_a_job_may_have() -> None:
    wide = JOB | {"replicates": 20, "target": {"sparsity": 0.9}}
    with pytest.raises(InvalidSpec, match=r"30 points are more than 5000 units of work together.*fewer points"):
        resolved(wide | {"sweep": {"seed": list(range(30))}})
    shared = resolved(wide | {"sweep": {"margin": [number / 100 for number in range(30)]}})
    assert len({place.unit.key for place in places(shared, {})}) < 5000, "what points share counts once"


def test_a_model_of_a_sweep_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="leave out its sweep"):
        resolved(JOB | {"model": {"job": DEEPER}})


def test_a_sweep_may_cross_models_that_are_made_first() -> None:
    before = {"kind": "train", "dataset": "digits", "model": "lenet_300_100", "train": {"steps": 12}}
    job = resolved(JOB | {"sweep": {"model": [{"job": before | {"seed": seed}} for seed in (0, 1)]}})
    found = work(job)
    assert [len(point["before"]) for point in found.outcome.certificate["points"]] == [1, 1]
    assert len({place.unit.key for place in places(job, found.results) if place.unit.kind == "train"}) == 2 + 2 * 2
