"""`"rewind": "auto"`: the plan tries later and later points, and goes on as if the first stable one was given."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.fabricated import DIGITS_LIKE, fabricated
from tests.support.planned import Worked, some_of, work
from winnow.contract.inputs import StabilityInputs, TrainInputs
from winnow.contract.results import Line, UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.contract.values import canonical_json
from winnow.plan import Resolved, places, resolve, table
from winnow.plan.stability import rewind_points

STEPS = 1000
POINTS = (0, 5, 10, 20, 50, 100, 200)


def job(rewind: Any = "auto", **fields: Any) -> Resolved:
    sent = {
        "kind": "prune",
        "dataset": "digits",
        "model": "lenet_300_100",
        "target": {"sparsity": 0.75},
        "train": {"steps": STEPS},
        "method": {"schedule": {"name": "iterative", "rate": 0.5}, "rewind": rewind},
        "arms": ["ticket", "random_mask"],
        "replicates": 2,
    }
    return resolve(SPEC.validate_python(sent | fields), DIGITS_LIKE, "cpu")


def line(barrier: int, images: int = 100) -> Line:
    """Of 100 validation images both ends have 90 right, and the worst point between them so many less."""
    return Line(correct=(90, 90 - barrier, 90), images=images, statistics_images=0)


def stable_from(step: int) -> Callable[[int], Line]:
    return lambda k: line(0 if k >= step else 30)


def worked(asked: Resolved, measured: Callable[[int], Line], **given: Any) -> Worked:
    """The job done, with what is measured at each point."""

    def result(unit: Unit, results: Mapping[str, UnitResult]) -> UnitResult:
        found = fabricated(unit, results)
        if isinstance(unit.inputs, StabilityInputs):
            return found.model_copy(update={"line": measured(unit.inputs.step)})
        return found

    return work(asked, result, **given)


def tried(found: Worked) -> list[int]:
    return [unit.inputs.step for unit in found.order if isinstance(unit.inputs, StabilityInputs)]


def rewind(found: Worked) -> Any:
    return found.outcome.result.rewind


@pytest.mark.parametrize("step", POINTS)
def test_points_are_tried_in_rising_order_up_to_the_first_that_is_stable(step: int) -> None:
    found = worked(job(), stable_from(step))
    assert tried(found) == [point for point in POINTS if point <= step]
    assert (rewind(found).step, rewind(found).stable) == (step, True)
    assert [one.step for one in rewind(found).tried] == tried(found)
    assert [one.barrier for one in rewind(found).tried] == [0.3] * (len(tried(found)) - 1) + [0.0]


def test_nothing_is_pruned_before_the_point_is_found() -> None:
    found = worked(job(), stable_from(20))
    kinds = [unit.kind for unit in found.order]
    assert kinds[: 1 + 4] == ["train", *["stability"] * 4]
    assert "stability" not in kinds[5:]


@pytest.mark.parametrize("target", [{"sparsity": 0.75}, {"max_accuracy_drop": 1}])
def test_then_its_units_are_the_very_ones_of_a_job_that_names_the_step(target: dict[str, Any]) -> None:
    searched = worked(job(target=target), stable_from(50))
    given = worked(job({"step": 50}, target=target), stable_from(50), known=searched.results)
    assert given.order == []
    assert given.outcome.levels == searched.outcome.levels
    assert rewind(given) is None
    alone = worked(job({"step": 50}, target=target), stable_from(50))
    assert len(searched.order) == len(alone.order) + 1 + 5  # the dense network with its states, and five points


def test_deeper_sparsity_and_more_replicates_search_nothing_again() -> None:
    first = worked(job(), stable_from(20))
    more = worked(job(target={"sparsity": 0.875}, replicates=3), stable_from(20), known=first.results)
    assert tried(more) == []
    assert rewind(more) == rewind(first)


def test_where_no_point_is_stable_the_last_is_taken_and_that_is_said() -> None:
    found = worked(job(), stable_from(STEPS))
    assert (rewind(found).step, rewind(found).stable) == (200, False)
    assert len(rewind(found).tried) == len(POINTS)
    assert any("none of the points tried" in note for note in found.outcome.certificate["notes"])
    assert not found.outcome.failed_checks


@pytest.mark.parametrize(("correct", "stable"), [((900, 881, 900), True), ((900, 880, 900), False)])
def test_a_barrier_of_exactly_2_points_is_one(correct: tuple[int, ...], stable: bool) -> None:
    measured = Line(correct=correct, images=1000, statistics_images=0)
    assert rewind(worked(job(), lambda _k: measured)).stable is stable


def test_the_barrier_is_above_the_mean_of_the_two_ends() -> None:
    between_unequal_ends = Line(correct=(90, 85, 80), images=100, statistics_images=0)
    assert between_unequal_ends.barrier * 100 == 5  # the worse end itself: 20 % of error over a mean of 15 %


def test_the_certificate_shows_every_barrier_and_the_table_only_the_networks_of_arms() -> None:
    asked = job()
    found = worked(asked, stable_from(10))
    shown = found.outcome.certificate["found"]["rewind"]
    assert [(one["step"], one["barrier"], one["stable"]) for one in shown["tried"]] == [
        (0, 0.3, False),
        (5, 0.3, False),
        (10, 0.0, True),
    ]
    arms = {"dense", "ticket", "random_mask"}
    assert {network["arm"] for network in found.outcome.certificate["networks"]} == arms
    assert {row.arm for row in table(asked, found.results)} == arms
    assert len(found.outcome.levels[0].models) == 2


@settings(deadline=None, max_examples=15)
@given(
    st.sampled_from((*POINTS, STEPS)),
    st.sampled_from([{"sparsity": 0.75}, {"max_accuracy_drop": 1}]),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_it_ends_in_any_order_of_results_and_progress_never_falls(
    step: int, target: dict[str, Any], replicates: int, random: Any
) -> None:
    asked = job(target=target, replicates=replicates)
    found = worked(asked, stable_from(step))
    some = worked(asked, stable_from(step), choose=some_of(random))
    assert canonical_json(some.outcome.certificate) == canonical_json(found.outcome.certificate)
    assert some.results.keys() == found.results.keys()
    fractions = [answer.progress.fraction for answer in some.answers]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)


def test_points_are_shares_of_training_rounded_half_up() -> None:
    assert rewind_points(STEPS) == POINTS
    assert rewind_points(300) == (0, 2, 3, 6, 15, 30, 60)
    assert rewind_points(12) == (0, 1, 2)
    assert rewind_points(1) == (0,)


def test_a_training_too_short_for_more_than_step_0_asks_for_its_dense_network_once() -> None:
    found = worked(job(train={"steps": 2}, replicates=1), stable_from(0))
    assert [unit.kind for unit in found.order].count("train") == 1
    assert {place.arm for place in places(job(train={"steps": 2}, replicates=1), found.results)} >= {"dense", "ticket"}
    assert found.answers[-1].progress.fraction == 1


def test_the_dense_network_keeps_the_state_at_every_point_and_its_copy_sees_other_batches() -> None:
    train, *copies = worked(job(), stable_from(STEPS)).order[:8]
    assert isinstance(train.inputs, TrainInputs)
    assert train.inputs.keep_steps == POINTS
    assert train.inputs.recipe.copy_number is None
    assert {copy.inputs.recipe.copy_number for copy in copies} == {1}
    assert {copy.inputs.recipe.replicate for copy in copies} == {0}
    assert {copy.parents["start"] for copy in copies} == {train.key}
    assert {copy.model_id for copy in copies} == {None}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"rewind": "later"}, "auto"),
        ({"rewind": "auto", "retraining": "lr_rewind"}, "leave `rewind` out"),
        ({"rewind": {"auto": True}}, "Extra inputs"),
        ({"rewind": "auto", "schedule": {"name": "gradual", "end": {"step": 500}}}, "has to know where it begins"),
    ],
)
def test_what_auto_does_not_go_with_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        job(method=fields)


def test_a_train_job_names_its_point() -> None:
    sent = {"kind": "train", "dataset": "digits", "model": "lenet_300_100", "rewind": "auto"}
    with pytest.raises(ValidationError):
        SPEC.validate_python(sent)
