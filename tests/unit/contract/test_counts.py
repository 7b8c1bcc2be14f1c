from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.contract.counts import round_half_up, spread, zeros_for


def test_halves_go_up():
    assert [round_half_up(Fraction(n, 2)) for n in (0, 1, 2, 3, 5)] == [0, 1, 1, 2, 3]


def test_200_of_1000_asked_are_200():
    assert zeros_for(Decimal("0.2"), 1000) == 200


@given(st.data())
def test_spread_gives_the_total_within_the_caps(data):
    caps = data.draw(st.lists(st.integers(0, 50), min_size=1, max_size=8))
    quotas = data.draw(st.lists(st.fractions(0, 100), min_size=len(caps), max_size=len(caps)))
    total = data.draw(st.integers(0, sum(caps)))
    shares = spread(total, quotas, caps)
    assert sum(shares) == total
    assert all(0 <= share <= cap for share, cap in zip(shares, caps, strict=True))


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8), st.fractions(0, 1))
def test_spread_stays_within_one_of_each_quota(caps, part):
    quotas = [cap * part for cap in caps]
    total = round_half_up(sum(quotas))
    shares = spread(total, quotas, caps)
    assert all(abs(share - quota) <= 1 for share, quota in zip(shares, quotas, strict=True))


def test_ties_go_to_the_first():
    assert spread(2, [Fraction(1)] * 3, [5, 5, 5]) == (1, 1, 0)


def test_a_total_without_room_is_refused():
    with pytest.raises(ValueError, match="room for 3"):
        spread(4, [Fraction(1)] * 3, [1, 1, 1])
