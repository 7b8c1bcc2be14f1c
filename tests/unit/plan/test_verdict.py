import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from winnow.plan.students_t import t_quantile
from winnow.plan.verdict import Arms, margin_for, replicates_wanted, summary, verdict

MARGIN = 0.005
IMAGES = 10_000


def judged(ticket, dense, reinit=None, mask=None, same_budget=True):
    return verdict(Arms(ticket, dense, reinit, mask), IMAGES, MARGIN, same_budget=same_budget)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 8, 9, 30, 99])
@pytest.mark.parametrize("probability", [0.6, 0.95, 0.975, 0.999])
def test_the_t_quantile_is_scipys(probability, freedom):
    assert t_quantile(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=1e-9)


def test_winning_beats_both_controls_and_matches_dense():
    assert judged([0.98] * 3, [0.98] * 3, [0.95] * 3, [0.94] * 3) == "winning"


def test_without_controls_a_ticket_matches_at_most():
    """Trap 31: winning said of masks that a random one of the same densities would have equalled."""
    assert judged([0.98] * 3, [0.98] * 3) == "matching"
    assert judged([0.98] * 3, [0.98] * 3, [0.95] * 3, None) == "matching"


def test_a_longer_budget_matches_at_most():
    """Trap 31: a dense network that was trained for less."""
    assert judged([0.98] * 3, [0.98] * 3, [0.95] * 3, [0.94] * 3, same_budget=False) == "matching"


def test_a_control_as_good_as_the_ticket_takes_the_win():
    """Trap 31, for each of the two controls."""
    assert judged([0.98] * 3, [0.98] * 3, [0.9] * 3, [0.98] * 3) == "matching"
    assert judged([0.98] * 3, [0.98] * 3, [0.98] * 3, [0.9] * 3) == "matching"


def test_worse_by_more_than_the_margin_is_not_matching():
    assert judged([0.95] * 3, [0.98] * 3, [0.9] * 3, [0.9] * 3) == "not_matching"


def test_two_replicates_are_inconclusive():
    assert judged([0.98] * 2, [0.98] * 2, [0.9] * 2, [0.9] * 2) == "inconclusive"


def test_spread_makes_it_inconclusive_and_more_replicates_would_settle_it():
    ticket, dense = [0.98, 0.97, 0.99], [0.98] * 3
    assert judged(ticket, dense) == "inconclusive"
    wanted = replicates_wanted(Arms(ticket, dense, None, None), IMAGES, MARGIN)
    assert wanted is not None
    assert wanted > 3


def test_no_number_settles_a_difference_that_is_the_margin():
    arms = Arms([0.97, 0.99, 0.98], [0.985] * 3, None, None)
    assert replicates_wanted(arms, IMAGES, 0.005) is None


def test_the_deviation_is_never_below_one_image():
    """Three replicates that agree on 100 images do not prove a win of a tenth of an image."""
    arms = Arms([0.905] * 3, [0.905] * 3, [0.904] * 3, [0.904] * 3)
    assert verdict(arms, 100, margin_for(0.5, 100), same_budget=True) == "matching"


def test_the_margin_is_never_below_three_images():
    assert margin_for(0.5, 360) == pytest.approx(3 / 360)
    assert margin_for(0.5, 10_000) == 0.005


@given(st.lists(st.floats(0, 1), min_size=3, max_size=6))
def test_a_ticket_equal_to_dense_matches(scores):
    assert judged(scores, scores) == "matching"


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_the_interval_holds_the_mean(scores):
    arm = summary(scores)
    assert arm is not None
    assert arm.low <= arm.mean <= arm.high


def test_one_replicate_has_no_interval():
    arm = summary([0.9])
    assert arm is not None
    assert (arm.n, arm.low, arm.high) == (1, None, None)
    assert summary([]) is None
