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
    whole = facts.whole
    rest, test, counts = images.train, images.test, whole.counts
    if test is None:
        taken = split_counts(counts, TEST_FRACTION)
        rest, test = _part_off(rest, taken, seed_for(int(whole.fingerprint, 16), "split"))
        counts = tuple(count - part for count, part in zip(counts, taken, strict=True))
    train, validation = _part_off(rest, split_counts(counts, VALIDATION_FRACTION), seed_for(seed, "split"))
    if facts.fraction != 1:
        _, train = _part_off(train, whole.class_counts().train, seed_for(seed, "fraction"))
    if facts.subset is not None:
        train, validation, test = (_of_classes(part, facts.subset) for part in (train, validation, test))
    return Split(train, validation, test, train.measured(), facts.superclasses)


def _part_off(part: AnyPart, taken: tuple[int, ...], seed: int) -> tuple[AnyPart, AnyPart]:
    """What is left, and `taken[c]` images of each class c; both in the order in which they came."""
    order = torch.randperm(len(part), generator=torch.Generator().manual_seed(seed))
    labels, by_class = part.y[order].sort(stable=True)
    first = torch.searchsorted(labels, labels)  # of each class, where its images begin
    wanted = torch.arange(len(part)) - first < torch.tensor(taken)[labels]
    chosen = torch.zeros(len(part), dtype=torch.bool)
    chosen[order[by_class[wanted]]] = True
    return _select(part, ~chosen), _select(part, chosen)


def _select(part: AnyPart, chosen: Tensor) -> AnyPart:
    return part.only(chosen.nonzero().flatten())


def _of_classes(part: AnyPart, subset: tuple[int, ...]) -> AnyPart:
    """The images of these classes, which are called 0, 1, … from now on."""
    places = torch.tensor(subset)
    taken = _select(part, torch.isin(part.y, places))
    order = places.argsort()
    return taken.labelled(order[torch.searchsorted(places[order], taken.y)])
