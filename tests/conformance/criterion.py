"""What every criterion promises. A new one is done when its subclass of a few lines passes."""

import numpy as np
import pytest

from tests.support.lottery import recipe
from winnow.lottery.criteria import CRITERIA, Criterion
from winnow.lottery.inits import initial
from winnow.lottery.selection import select
from winnow.plan.counts import Counts


class CriterionConformance:
    """Inherit, and say which one."""

    name: str

    @pytest.fixture
    def criterion(self) -> Criterion:
        return CRITERIA[self.name]

    @pytest.fixture
    def weights(self) -> dict[str, np.ndarray]:
        values = initial(recipe("digits_cnn"), 4)
        return {name: array for name, array in values.items() if name.endswith("weight")}

    def test_it_scores_every_weight(self, criterion: Criterion, weights: dict[str, np.ndarray]) -> None:
        scores = criterion(weights)
        assert {name: score.shape for name, score in scores.items()} == {n: w.shape for n, w in weights.items()}
        assert all(np.isfinite(score).all() for score in scores.values())

    def test_it_changes_nothing(self, criterion: Criterion, weights: dict[str, np.ndarray]) -> None:
        before = {name: array.copy() for name, array in weights.items()}
        criterion(weights)
        assert all(np.array_equal(weights[name], array) for name, array in before.items())

    def test_it_gives_the_same_scores_again(self, criterion: Criterion, weights: dict[str, np.ndarray]) -> None:
        first, second = criterion(weights), criterion(weights)
        assert all(np.array_equal(first[name], second[name]) for name in weights)

    def test_each_tensor_is_scored_for_itself(self, criterion: Criterion, weights: dict[str, np.ndarray]) -> None:
        """A score knows no scope: leaving a tensor out changes no other's."""
        (name, array), *_ = weights.items()
        assert np.array_equal(criterion({name: array})[name], criterion(weights)[name])

    def test_its_scores_can_be_selected_from(self, criterion: Criterion, weights: dict[str, np.ndarray]) -> None:
        parent = {name: np.ones(array.shape, dtype=np.bool_) for name, array in weights.items()}
        masks = select(criterion(weights), parent, Counts(1000, None))
        assert sum(int((~mask).sum()) for mask in masks.values()) == 1000
