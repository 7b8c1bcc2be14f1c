"""What every criterion promises. A new one is done when its subclass of a few lines passes."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from tests.support.subjects import subject
from winnow.contract.catalog.criteria import CRITERIA
from winnow.contract.specs.pruning import Criterion as Choice
from winnow.lottery.criteria import Criterion, criterion
from winnow.lottery.pruning import prune
from winnow.lottery.scoring import Scores, Subject
from winnow.lottery.units.evidence import digest
from winnow.plan.counts import Counts


def equal(first: Scores, second: Scores) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


class CriterionConformance:
    """Inherit, and say which one."""

    name: str

    @pytest.fixture
    def scored(self) -> Criterion:
        return criterion(self.name)

    @pytest.fixture(params=["digits_cnn", "resnet20"])
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        return subject(request.param)

    @pytest.fixture
    def pruned(self) -> Subject:
        return subject(density=0.5)

    def test_it_scores_every_prunable_weight(self, scored: Criterion, subject: Subject) -> None:
        scores = scored(subject)
        assert {name: score.shape for name, score in scores.items()} == {n: m.shape for n, m in subject.masks.items()}
        assert all(np.isfinite(score).all() for score in scores.values())

    def test_it_tells_weights_apart(self, scored: Criterion, subject: Subject) -> None:
        values = np.concatenate([score.ravel() for score in scored(subject).values()])
        assert len(np.unique(values)) > values.size // 4

    def test_it_changes_nothing(self, scored: Criterion, subject: Subject) -> None:
        """Trap 25: scoring in training mode leaves batch norm's statistics changed. Nothing else may move either."""
        before, random = digest(subject.values), torch.get_rng_state()
        scored(subject)
        assert digest(subject.values) == before
        assert torch.equal(torch.get_rng_state(), random)

    def test_it_gives_the_same_scores_again(self, scored: Criterion, subject: Subject) -> None:
        assert equal(scored(subject), scored(subject))

    def test_it_sees_the_network_under_its_masks(self, scored: Criterion, pruned: Subject) -> None:
        """What lies under a mask has no say, whatever its value."""
        other = {
            name: np.where(pruned.masks[name], array, np.float32(7)) if name in pruned.masks else array
            for name, array in pruned.values.items()
        }
        moved = Subject(pruned.recipe, other, pruned.masks, pruned.split, pruned.depth)
        assert equal(_live(scored(pruned), pruned), _live(scored(moved), pruned))

    def test_a_level_is_pruned_to_the_count(self, pruned: Subject) -> None:
        before = sum(int((~mask).sum()) for mask in pruned.masks.values())
        masks = prune(pruned, Choice(name=self.name), Counts(before + 1000, None), lambda: None)
        assert sum(int((~mask).sum()) for mask in masks.values()) == before + 1000
        assert not any((mask & ~pruned.masks[name]).any() for name, mask in masks.items()), "pruned stays pruned"

    def test_the_catalog_says_where_it_comes_from(self) -> None:
        assert any(str(year) in CRITERIA[self.name].source for year in range(1980, 2030))


def _live(scores: Scores, subject: Subject) -> Mapping[str, np.ndarray]:
    return {name: scores[name][mask] for name, mask in subject.masks.items()}
