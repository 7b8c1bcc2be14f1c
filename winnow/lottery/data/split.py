"""The three splits: stratified, of exactly the sizes that the facts say."""

import torch
from torch import Tensor

from winnow.contract.datasets import TEST_FRACTION, VALIDATION_FRACTION, DatasetFacts, split_counts
from winnow.contract.seeds import seed_for
from winnow.lottery.data.images import AnyPart, Images, Split


def split(images: Images, facts: DatasetFacts, seed: int) -> Split:
    """Cut a data set in three; the images of each class are `facts.class_counts()`.

    An official test set stays whole. Elsewhere the test images follow from the fingerprint alone, so that no job
    trains on another's test images. Validation is drawn from the rest by the job's seed, and so is the order in which
    a fraction of what is left is taken. Where only some classes are wanted, they are taken from all three at last.
    """
    whole, counts = facts.whole, facts.whole.counts
    y, rows = images.train.y, torch.arange(len(images.train))
    # Rows are chosen first and images taken at last: a copy at each step would be held beside the others.
    if images.test is not None:
        test, tested = images.test, torch.arange(len(images.test))
    else:
        taken = split_counts(counts, TEST_FRACTION)
        rows, tested = _part_off(rows, y, taken, seed_for(int(whole.fingerprint, 16), "split"))
        test, counts = images.train, tuple(count - part for count, part in zip(counts, taken, strict=True))
    trained, validated = _part_off(rows, y, split_counts(counts, VALIDATION_FRACTION), seed_for(seed, "split"))
    if facts.fraction != 1:
        _, trained = _part_off(trained, y, whole.class_counts().train, seed_for(seed, "fraction"))
    train, validation = (_taken(images.train, rows, facts.subset) for rows in (trained, validated))
    return Split(train, validation, _taken(test, tested, facts.subset), train.measured(), facts.superclasses)


def _part_off(rows: Tensor, y: Tensor, taken: tuple[int, ...], seed: int) -> tuple[Tensor, Tensor]:
    """What is left of the rows, and `taken[c]` of those of each class c; both in the order in which they came."""
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    labels, by_class = y[rows[order]].sort(stable=True)
    first = torch.searchsorted(labels, labels)  # of each class, where its images begin
    wanted = torch.arange(len(rows)) - first < torch.tensor(taken)[labels]
    chosen = torch.zeros(len(rows), dtype=torch.bool)
    chosen[order[by_class[wanted]]] = True
    return rows[~chosen], rows[chosen]


def _taken(part: AnyPart, rows: Tensor, subset: tuple[int, ...] | None) -> AnyPart:
    """These images; where only some classes are wanted, theirs alone, and the classes are called 0, 1, … then."""
    if subset is None:
        return part if len(rows) == len(part) else part.only(rows)
    places = torch.tensor(subset)
    found = part.only(rows[torch.isin(part.y[rows], places)])
    order = places.argsort()
    return found.labelled(order[torch.searchsorted(places[order], found.y)])
