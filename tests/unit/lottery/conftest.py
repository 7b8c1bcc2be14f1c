"""One thread, as units have by default: with more, torch's threads wait for each other on a busy machine."""

import pytest

from winnow.lottery.numerics import settle


@pytest.fixture(autouse=True)
def settled() -> None:
    """As `winnow.lottery.units.run` does before each unit."""
    settle(1, "cpu")
